import { PisyncError } from '@pisync/protocol';
import type { Store, StorePolicy } from '../ports/store.ts';

export { packagedVendors } from './vendors/packaged-vendors.ts';

type OpenStore = (place: string, policy: StorePolicy) => Promise<Store>;

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
};

/**
 * Opens the store that a URL names: `memory:` (forgets everything at exit) or `sqlite:PATH` (a file, relative to the
 * working directory unless absolute).
 *
 * @throws {PisyncError} `invalid_config` with the fix where the URL names no store; else what the adapter throws, such
 *   as `store_locked`, `store_newer` or `store_damaged`
 */
export async function openStore(url: string, policy: StorePolicy): Promise<Store> {
  const colon = url.indexOf(':');
  const scheme = url.slice(0, Math.max(colon, 0));
  const open = Object.hasOwn(stores, scheme) ? stores[scheme] : undefined;
  if (open === undefined) {
    throw invalidUrl(url, 'Use memory: to try things out, or sqlite:PATH, such as sqlite:./data/pisync.db.');
  }
  return open(url.slice(colon + 1), policy);
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
