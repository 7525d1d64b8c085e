import { existsSync } from 'node:fs';
import { PisyncError } from '@pisync/protocol';
import { storePath } from '../../config/store-place.ts';
import type { Store, StorePolicy } from '../../ports/store.ts';
import type { StoreOptions } from '../../ports/store-options.ts';

/**
 * Opens a store to look at it, never one that is not there: that would be made, empty and in perfect health.
 *
 * @throws {PisyncError} `invalid_config` where there is none; what opening throws
 */
export async function openExisting(url: string, policy: StorePolicy, options?: StoreOptions): Promise<Store> {
  const path = storePath(url);
  if (path === null && url.startsWith('memory:')) {
    throw new PisyncError('invalid_config', {
      detail: 'A store in memory ends with its server: there is nothing to verify.',
      field: 'store',
    });
  }
  if (path !== null && !existsSync(path))
    throw new PisyncError('invalid_config', { detail: `There is no store at ${path}.`, field: 'store' });
  const { openStore } = await import('../../adapters/registry.ts');
  return openStore(url, policy, options);
}
