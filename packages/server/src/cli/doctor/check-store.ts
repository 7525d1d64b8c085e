import type { Config } from '../../config/schema.ts';
import { storeOptionsOf } from '../../config/store-options.ts';
import type { Finding } from '../../ports/store.ts';
import { openExisting } from '../verify/open-existing.ts';

/**
 * Looks at the server that the configured store lies on, if any, then opens the store and verifies all of it.
 *
 * @param quick - leaves out what is stored
 * @throws {PisyncError} `store_locked` while a server holds it, and what opening throws; `invalid_config` where there
 * is no store to check
 */
export async function checkStore(config: Config, quick: boolean): Promise<readonly Finding[]> {
  const { inspectStore } = await import('../../adapters/registry.ts');
  const options = storeOptionsOf(config);
  const inspected = await inspectStore(config.store, options);
  if (quick && inspected.length > 0) return inspected;
  const store = await openExisting(config.store, { partial: config.partial_counts_as }, options);
  try {
    const notes = store
      .status()
      .notes.map((detail): Finding => ({ severity: 'warning', check: 'open', detail }));
    return [...inspected, ...notes, ...(quick ? [] : await store.verify())];
  } finally {
    await store.close();
  }
}
