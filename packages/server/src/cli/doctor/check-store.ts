import { existsSync } from 'node:fs';
import { PisyncError } from '@pisync/protocol';
import type { Config } from '../../config/schema.ts';
import { storePath } from '../../config/store-place.ts';
import type { Finding } from '../../ports/store.ts';

/**
 * Opens the configured store and verifies all of it.
 *
 * @throws {PisyncError} `store_locked` while a server holds it, and what opening throws; `invalid_config` where there
 * is no store to check
 */
export async function checkStore(config: Config): Promise<readonly Finding[]> {
  const path = storePath(config.store);
  if (path === null) {
    throw new PisyncError('invalid_config', {
      detail: 'A store in memory ends with its server: there is nothing to verify.',
      field: 'store',
    });
  }
  if (!existsSync(path)) {
    // Opening would create an empty store and find it in perfect health.
    throw new PisyncError('invalid_config', { detail: `There is no store at ${path}.`, field: 'store' });
  }
  const { openStore } = await import('../../adapters/registry.ts');
  const store = await openStore(config.store, { partial: config.partial_counts_as });
  try {
    const notes = store
      .status()
      .notes.map((detail): Finding => ({ severity: 'warning', check: 'open', detail }));
    return [...notes, ...(await store.verify())];
  } finally {
    await store.close();
  }
}
