import type { Finding } from '../../../../ports/store.ts';
import type { StoreOptions } from '../../../../ports/store-options.ts';
import type { Session } from '../connection/session.ts';

/** Clocks that differ more are told. */
const CLOCK_NOTICE_MS = 3_000;
const CLOCK_ERROR_MS = 120_000;

/** One connection commits, one looks after policies, one looks at the health of replicas. */
const OTHER_CONNECTIONS = 3;

/** Log that a slot may keep for nobody, in bytes. */
const KEPT_LOG = 1024 ** 3;

/** A transaction that is older keeps dead rows from being cleaned up, in seconds. */
const OLD_TRANSACTION_S = 600;

interface Server {
  readonly version: string;
  readonly fullPageWrites: string;
  readonly walLevel: string;
  readonly autovacuum: string;
  readonly synchronous: string;
  readonly now: number;
  readonly most: number;
  readonly reserved: number;
  readonly used: number;
  readonly own: number;
  readonly oldest: number | null;
  readonly slots: string | null;
}

const ASK = `
  SELECT current_setting('server_version') AS version,
    current_setting('full_page_writes') AS "fullPageWrites", current_setting('wal_level') AS "walLevel",
    current_setting('autovacuum') AS autovacuum, current_setting('synchronous_commit') AS synchronous,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now, current_setting('max_connections')::int AS most,
    current_setting('superuser_reserved_connections')::int
      + coalesce(current_setting('reserved_connections', true), '0')::int AS reserved,
    count(*) AS used, count(*) FILTER (WHERE application_name LIKE 'pisync%') AS own,
    max(extract(epoch FROM clock_timestamp() - xact_start))
      FILTER (WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid())::float8 AS oldest,
    (SELECT string_agg(slot_name, ', ') FROM pg_replication_slots
      WHERE NOT active AND pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) > ${KEPT_LOG}) AS slots
  FROM pg_stat_activity WHERE backend_type = 'client backend'`;

/** Version, settings, connections and clock of a server. */
export async function inspectServer(session: Session, options: StoreOptions): Promise<readonly Finding[]> {
  const started = Date.now();
  const [server] = await session.query<Server>(ASK);
  if (server === undefined) throw new TypeError('the server tells nothing of itself');
  const half = (started + Date.now()) / 2;
  return [
    { severity: 'ok', check: 'server', detail: `PostgreSQL ${server.version}` },
    ...settingFindings(server),
    connectionFinding(server, options),
    ...keptFindings(server),
    clockFinding(server.now - half),
  ];
}

function settingFindings(server: Server): readonly Finding[] {
  const { fullPageWrites, walLevel, autovacuum, synchronous } = server;
  const found: Finding[] = [];
  const tell = (severity: 'warning' | 'error', detail: string) =>
    found.push({ severity, check: 'settings', detail });
  if (fullPageWrites !== 'on') {
    tell('error', 'full_page_writes is off: a power cut may tear pages that nothing repairs. Set it on.');
  }
  if (autovacuum !== 'on') {
    tell('error', 'autovacuum is off: tables grow, and plans go by old counts. Set it on.');
  }
  if (walLevel === 'minimal') {
    tell('warning', 'wal_level is minimal: no replica and no archive can be made. Set it to replica.');
  }
  if (synchronous === 'off' || synchronous === 'local' || synchronous === 'remote_write') {
    tell('warning', `synchronous_commit is ${synchronous}; commits of PiSync are made with on nevertheless.`);
  }
  if (found.length > 0) return found;
  const detail = `synchronous_commit ${synchronous}, full_page_writes on, wal_level ${walLevel}, autovacuum on`;
  return [{ severity: 'ok', check: 'settings', detail }];
}

function connectionFinding({ most, reserved, used, own }: Server, options: StoreOptions): Finding {
  const wanted = options.queryConnections + options.reportConnections + OTHER_CONNECTIONS;
  const room = most - reserved;
  const detail = `${used} of ${room} are open, ${own} of them by PiSync; a process takes up to ${wanted}`;
  if (wanted <= room && used < room * 0.9) return { severity: 'ok', check: 'connections', detail };
  const advice = 'raise max_connections, or take PgBouncer in transaction mode';
  return { severity: 'warning', check: 'connections', detail: `${detail}: ${advice}` };
}

function keptFindings({ oldest, slots }: Server): readonly Finding[] {
  const found: Finding[] = [];
  if (oldest !== null && oldest > OLD_TRANSACTION_S) {
    const detail = `one runs for ${Math.round(oldest / 60)} minutes: no dead row that is younger is cleaned up`;
    found.push({ severity: 'warning', check: 'transactions', detail });
  }
  if (slots !== null) {
    const detail = `nobody reads the replication slots ${slots}, and they keep more than 1 GiB of log: drop them, or start their readers`;
    found.push({ severity: 'warning', check: 'slots', detail });
  }
  return found;
}

function clockFinding(differenceMs: number): Finding {
  const distance = Math.abs(differenceMs);
  if (distance < CLOCK_NOTICE_MS) {
    return { severity: 'ok', check: 'clock', detail: 'the clocks of the database and this machine agree' };
  }
  const direction = differenceMs > 0 ? 'ahead of' : 'behind';
  const detail = `the clock of the database is ${Math.round(distance / 1_000)} s ${direction} this machine's: check time synchronisation on both`;
  return { severity: distance < CLOCK_ERROR_MS ? 'warning' : 'error', check: 'clock', detail };
}
