import pg from 'pg';
import type { Finding } from '../../../../ports/store.ts';
import type { StoreOptions } from '../../../../ports/store-options.ts';
import type { Database } from '../connection/database.ts';
import { sayGoodbye } from '../connection/goodbye.ts';
import { lsnOf } from '../connection/replica-lag.ts';
import { parsePostgresUrl } from '../connection/url.ts';

const check = 'replica';

/** How far each replica is behind the primary. */
export async function inspectReplicas(
  database: Database,
  { readUrls, readMaxLagMs, connectTimeoutMs }: StoreOptions,
): Promise<readonly Finding[]> {
  const written = await database.read(async (session) => {
    const [row] = await session.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
    return lsnOf(row?.lsn ?? '0/0');
  });
  return Promise.all(readUrls.map((url) => inspectReplica(url, written, readMaxLagMs, connectTimeoutMs)));
}

interface Progress {
  readonly standby: boolean;
  readonly replayed: string | null;
  /** Milliseconds since the last commit that it replayed was made. */
  readonly age: number | null;
}

const ASK = `
  SELECT pg_is_in_recovery() AS standby, pg_last_wal_replay_lsn()::text AS replayed,
    (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 AS age`;

async function inspectReplica(
  url: string,
  written: number,
  maxLagMs: number,
  connectTimeoutMs: number,
): Promise<Finding> {
  const { connectionString, host } = parsePostgresUrl(url, 'store_read_urls');
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: connectTimeoutMs,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<Progress>(ASK);
    return progressFinding(host, rows[0] as Progress, written, maxLagMs);
  } catch (error) {
    const detail = `${host} does not answer, the primary is asked instead: ${(error as Error).message}`;
    return { severity: 'warning', check, detail };
  } finally {
    await sayGoodbye(client);
  }
}

function progressFinding(
  host: string,
  { standby, replayed, age }: Progress,
  written: number,
  maxLagMs: number,
): Finding {
  if (!standby) {
    return { severity: 'warning', check, detail: `${host} is no standby, the primary is asked instead` };
  }
  const bytes = Math.max(0, written - (replayed === null ? 0 : lsnOf(replayed)));
  if (bytes === 0) return { severity: 'ok', check, detail: `${host} has replayed all` };
  const lagMs = Math.round(age ?? 0);
  const detail = `${host} is ${bytes} bytes behind; its last commit is ${lagMs} ms old`;
  if (lagMs <= maxLagMs) return { severity: 'ok', check, detail };
  return { severity: 'warning', check, detail: `${detail}: it is left out beyond ${maxLagMs} ms` };
}
