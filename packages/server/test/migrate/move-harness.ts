import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, openStoreSink, openStoreSource } from '../../src/adapters/registry.ts';
import type { StoreCommand } from '../../src/conformance/model/model-commands.ts';
import { type Everything, readEverything } from '../../src/conformance/read-store.ts';
import type { Store, StorePolicy } from '../../src/ports/store.ts';
import type { MoveReport } from '../../src/services/migrate/move-report.ts';
import { type MoveOptions, moveStore } from '../../src/services/migrate/store-move.ts';

const policy: StorePolicy = { partial: 'failure' };

/** Runs with a folder that is removed afterwards. */
export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pisync-move-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Opens a store for as long as `work` takes. */
export async function inStore<T>(url: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(url, policy);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Does what of the commands changes a store. */
export async function change(store: Store, commands: readonly StoreCommand[]): Promise<void> {
  for (const command of commands) {
    if (command.do === 'commit') await store.commit(command.group);
    else if (command.do === 'discard') await store.discard(command.id);
    else if (command.do === 'settle' && 'settle' in store) await (store as Store & Settling).settle();
  }
}

interface Settling {
  settle(): Promise<void>;
}

export function everything(url: string): Promise<Everything> {
  return inStore(url, readEverything);
}

/** Moves a store, as the command does. */
export async function move(
  from: string,
  to: string,
  options: Partial<MoveOptions> = {},
): Promise<MoveReport> {
  const source = await openStoreSource(from);
  try {
    const sink = await openStoreSink(to, source.shown);
    try {
      return await moveStore(
        { source, sink },
        {
          cutOver: true,
          stillMs: 50,
          signal: new AbortController().signal,
          onProgress: () => {},
          ...options,
        },
      );
    } finally {
      await sink.close();
    }
  } finally {
    await source.close();
  }
}
