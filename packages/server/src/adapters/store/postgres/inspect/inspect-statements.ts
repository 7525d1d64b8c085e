import type { Finding } from '../../../../ports/store.ts';
import type { Session } from '../connection/session.ts';

/** A statement whose mean is longer is worth a word, in milliseconds. */
const SLOW_MS = 1_000;
const SHOWN_CHARACTERS = 100;

/** The slowest statements of the database, where the server counts them. */
export async function inspectStatements(
  ask: (inspect: (session: Session) => Promise<readonly Finding[]>) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await ask(slowest);
  } catch (error) {
    // The extension may be there and its library not loaded.
    const detail = `pg_stat_statements tells nothing: ${(error as Error).message}`;
    return [{ severity: 'warning', check: 'statements', detail }];
  }
}

async function slowest(session: Session): Promise<readonly Finding[]> {
  const check = 'statements';
  const [extension] = await session.query<{ schema: string }>(
    "SELECT extnamespace::regnamespace::text AS schema FROM pg_extension WHERE extname = 'pg_stat_statements'",
  );
  if (extension === undefined) {
    const detail = 'not counted: pg_stat_statements is not there (CREATE EXTENSION pg_stat_statements)';
    return [{ severity: 'ok', check, detail }];
  }
  const rows = await session.query<{ mean: number; calls: number; query: string }>(
    `SELECT mean_exec_time AS mean, calls, query FROM ${extension.schema}.pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     ORDER BY mean_exec_time DESC LIMIT 5`,
  );
  return rows.map(({ mean, calls, query }): Finding => {
    const text = query.replaceAll(/\s+/g, ' ').trim();
    const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
    const detail = `${mean.toFixed(1)} ms on average, ${calls} times: ${shown}`;
    return { severity: mean > SLOW_MS ? 'warning' : 'ok', check, detail };
  });
}
