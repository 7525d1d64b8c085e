import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteSource, ItemLists } from '../import-item.ts';

/**
 * Writes a file to a folder of its own, hands its path on, and removes the folder when `read` has ended in whatever way. Only the owner
 * of the process can look into it.
 */
export async function* spooled(
  source: ByteSource,
  folder: string,
  read: (path: string) => ItemLists,
): ItemLists {
  const own = await mkdtemp(join(folder, 'pisync-import-'));
  try {
    const path = join(own, 'upload.db');
    await write(source, path);
    yield* read(path);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function write(source: ByteSource, path: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of source) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}
