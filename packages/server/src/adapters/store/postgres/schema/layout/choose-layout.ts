import { PisyncError } from '@pisync/protocol';
import type { Layout } from './layout.ts';

/** What a server tells of the extension `timescaledb` in a database. */
export interface ExtensionFacts {
  readonly version: string;
  /** Schema of its functions, as it is written in SQL. */
  readonly functions: string;
  /** `timescaledb.license`; null where its library is not loaded. */
  readonly license: string | null;
}

/** One row of {@link ExtensionFacts}, or none. */
export const ASK_EXTENSION = `
  SELECT e.extversion AS version, quote_ident(n.nspname) AS functions, current_setting('timescaledb.license', true) AS license
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb'`;

/** The first version with the names of the columnstore that PiSync uses. */
const OLDEST = [2, 18] as const;

/** Where an operator wants no hypertables. */
const WITHOUT = 'Or make the store in a database without the extension: plain PostgreSQL does all the same.';

/**
 * The layout of a store that is to be made.
 *
 * @param extension - undefined where it is not created in the database
 * @throws {PisyncError} `invalid_config` that names the fix where the extension is there and lacks what hypertables need: a store
 *   keeps its layout, so that a wrong one is not chosen in silence
 */
export function chooseLayout(extension: ExtensionFacts | undefined): Layout {
  if (extension === undefined) return { kind: 'partitions' };
  const lack = lackOf(extension);
  if (lack === null) return { kind: 'hypertables', functions: extension.functions };
  throw new PisyncError('invalid_config', { field: 'store', detail: `${lack} ${WITHOUT}` });
}

/** Why a store with hypertables cannot be opened; null where it can. */
export function requireExtension(extension: ExtensionFacts | undefined): PisyncError | null {
  const lack = extension === undefined ? 'The extension timescaledb is gone.' : lackOf(extension);
  if (lack === null) return null;
  return new PisyncError('invalid_config', {
    field: 'store',
    detail: `${lack} This store was made with hypertables and works with them only.`,
  });
}

/** What hypertables lack and how to mend it; null where nothing does. */
export function lackOf({ version, license }: ExtensionFacts): string | null {
  const named = `TimescaleDB ${version}`;
  if (license === null) {
    return `${named} is created in the database, and its library is not loaded. Set shared_preload_libraries = 'timescaledb' and restart the server.`;
  }
  if (license !== 'timescale') {
    return `${named} runs with timescaledb.license = ${license}, which has no columnstore, no policies and no continuous aggregates. Set timescaledb.license = 'timescale' in postgresql.conf and restart the server; builds without its community features need another package.`;
  }
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return null;
  return `${named} is too old; PiSync needs ${OLDEST.join('.')} or newer. Install it and run: ALTER EXTENSION timescaledb UPDATE.`;
}
