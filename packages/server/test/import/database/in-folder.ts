import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ImportItem } from '../../../src/import/import-item.ts';
import { importStream } from '../../../src/import/import-stream.ts';
import { context } from '../read-all.ts';

/** Runs with a folder of its own, which is removed afterwards. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'pisync-import-'));
  try {
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** All that a file holds. */
export async function importedFile(path: string): Promise<ImportItem[]> {
  const place = { spoolFolder: dirname(path), maxBytes: 10_000_000 };
  return (await Array.fromAsync(importStream(createReadStream(path), context, place))).flat();
}

/** Writes a database and imports it. */
export function imported(write: (database: DatabaseSync) => void): Promise<ImportItem[]> {
  return inFolder(async (folder) => {
    const path = join(folder, 'some.file');
    const database = new DatabaseSync(path);
    write(database);
    database.close();
    return importedFile(path);
  });
}
