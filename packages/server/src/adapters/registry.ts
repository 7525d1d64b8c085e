import { PisyncError } from '@pisync/protocol';
import type { CopyOptions, CopyReport } from '../ports/backup.ts';
import type { Finding, Store, StorePolicy } from '../ports/store.ts';
import type { StoreAdmin } from '../ports/store-admin.ts';
import type { StoreSink, StoreSource } from '../ports/store-copy.ts';
import type { StoreOptions } from '../ports/store-options.ts';

export { packagedVendors } from './vendors/packaged-vendors.ts';

type OpenStore = (place: string, policy: StorePolicy, options?: StoreOptions) => Promise<Store>;

/** Adapters by the scheme of their URL; each is loaded on first use, so that nobody pays for a driver they do not use. */
const stores: Readonly<Record<string, OpenStore>> = {
  memory: async (place, policy) => {
    if (place !== '')
      throw invalidUrl(`memory:${place}`, 'A memory store has no place: write memory: alone.');
    const { openMemoryStore } = await import('./store/memory/memory-store.ts');
    return openMemoryStore(policy);
  },
  sqlite: async (place, policy) => {
    if (place === '') throw invalidUrl('sqlite:', 'Name a file, such as sqlite:./data/pisync.db.');
    const { openSqliteStore } = await import('./store/sqlite/sqlite-store.ts');
    return openSqliteStore(place, policy);
  },
  postgres: openPostgres,
  postgresql: openPostgres,
};

async function openPostgres(place: string, policy: StorePolicy, options?: StoreOptions): Promise<Store> {
  const { openPostgresStore } = await import('./store/postgres/postgres-store.ts');
  return openPostgresStore(`postgres:${place}`, policy, options);
}

/**
 * Opens the store that a URL names: `memory:` (forgets everything at exit), `sqlite:PATH` (a file, relative to the
 * working directory unless absolute) or `postgres://user:password@host:port/database`.
 *
 * @param options - how a store on a server is reached; the others have no use for it
 * @throws {PisyncError} `invalid_config` with the fix where the URL names no store; else what the adapter throws, such
 *   as `store_locked`, `store_newer` or `store_damaged`
 */
export async function openStore(url: string, policy: StorePolicy, options?: StoreOptions): Promise<Store> {
  const colon = url.indexOf(':');
  const scheme = url.slice(0, Math.max(colon, 0));
  const open = Object.hasOwn(stores, scheme) ? stores[scheme] : undefined;
  if (open === undefined) {
    throw invalidUrl(
      url,
      'Use sqlite:PATH, such as sqlite:./data/pisync.db, postgres://user@host:5432/database, or memory: to try things out.',
    );
  }
  return open(url.slice(colon + 1), policy, options);
}

/**
 * Looks at the server that a store lies on, without reading all that is stored; finds nothing where it lies on none.
 *
 * @throws {PisyncError} `invalid_config` where there is no such store; what opening throws
 */
export async function inspectStore(url: string, options: StoreOptions): Promise<readonly Finding[]> {
  if (!isPostgres(url)) return [];
  const { inspectPostgresStore } = await import('./store/postgres/inspect/inspect-store.ts');
  return inspectPostgresStore(url, options);
}

/**
 * Copies the store that a URL names into the file `to`, also while a server has it open.
 *
 * @throws {PisyncError} `invalid_config` with the fix where such a store has no backups of this kind; what
 *   `backupSqliteStore` throws
 */
export async function backupStore(url: string, to: string, options: CopyOptions): Promise<CopyReport> {
  const path = filePlace(url);
  const { backupSqliteStore } = await import('./store/sqlite/backup/backup-store.ts');
  return backupSqliteStore(path, to, options);
}

/**
 * Puts the backup in the file `from` at the place that a URL names.
 *
 * @throws {PisyncError} as {@link backupStore}; what `restoreSqliteStore` throws
 */
export async function restoreStore(from: string, url: string, options: CopyOptions): Promise<CopyReport> {
  const path = filePlace(url);
  const { restoreSqliteStore } = await import('./store/sqlite/backup/restore-store.ts');
  return restoreSqliteStore(from, path, options);
}

/**
 * Opens the tables of the store that a URL names, to look after them.
 *
 * @throws {PisyncError} `invalid_config` where such a store has none, or is not there
 */
export async function openStoreAdmin(url: string): Promise<StoreAdmin> {
  if (/^postgres(ql)?:/.test(url)) {
    const { openPostgresAdmin } = await import('./store/postgres/admin/postgres-admin.ts');
    return openPostgresAdmin(url);
  }
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : '';
  if (path === '') throw invalidUrl(url, 'Tables are in sqlite:PATH and postgres://user@host:5432/database.');
  const { openSqliteAdmin } = await import('./store/sqlite/admin/sqlite-admin.ts');
  return openSqliteAdmin(path);
}

/**
 * Opens the store that a URL names to copy it, also while a server has it open.
 *
 * @throws {PisyncError} `invalid_config` with the fix where there is none; what `openSqliteSource` and `openPostgresSource`
 *   throw
 */
export async function openStoreSource(url: string): Promise<StoreSource> {
  if (isPostgres(url)) {
    const { openPostgresSource } = await import('./store/postgres/copy/postgres-source.ts');
    return openPostgresSource(url);
  }
  const { openSqliteSource } = await import('./store/sqlite/copy/sqlite-source.ts');
  return openSqliteSource(movedPlace(url));
}

/**
 * Opens the empty store that a URL names to fill it, or one that was being filled from the same source.
 *
 * @param from - the source for people
 * @throws {PisyncError} `invalid_config` with the fix where it cannot be filled; what `openSqliteSink` and
 *   `openPostgresSink` throw
 */
export async function openStoreSink(url: string, from: string): Promise<StoreSink> {
  if (isPostgres(url)) {
    const { openPostgresSink } = await import('./store/postgres/copy/postgres-sink.ts');
    return openPostgresSink(url, from);
  }
  const { openSqliteSink } = await import('./store/sqlite/copy/sqlite-sink.ts');
  return openSqliteSink(movedPlace(url), from);
}

function isPostgres(url: string): boolean {
  return /^postgres(ql)?:/.test(url);
}

/** The file of a `sqlite:` URL. */
function movedPlace(url: string): string {
  const place = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : '';
  if (place !== '') return place;
  throw invalidUrl(url, 'A fleet is moved between sqlite:PATH and postgres://user@host:5432/database.');
}

/** The file of a `sqlite:` URL that can be backed up. */
function filePlace(url: string): string {
  const place = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : '';
  if (place !== '') return place;
  throw invalidUrl(
    url,
    'Backups of this kind are of sqlite:PATH; a store in PostgreSQL is backed up as docs/guide/backup.md says.',
  );
}

function invalidUrl(url: string, fix: string): PisyncError {
  // A URL of another kind of store may carry a password: only its scheme is repeated.
  const colon = url.indexOf(':');
  const shown = colon < 0 ? url : url.slice(0, colon + 1);
  return new PisyncError('invalid_config', {
    field: 'store',
    detail: `No store is named by "${shown}". ${fix}`,
  });
}
