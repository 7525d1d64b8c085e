import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

/** Bytes that a folder takes on disk, with everything below it. */
export function bytesOnDisk(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) sum += bytesOnDisk(path);
    else sum += blocksOf(path) * 512;
  }
  return sum;
}

/** Waits until a folder's size has not changed for `quietMs`; gives up waiting after two minutes. */
export async function settled(folder: string, quietMs: number): Promise<number> {
  const limit = performance.now() + 120_000;
  let last = bytesOnDisk(folder);
  let since = performance.now();
  while (performance.now() - since < quietMs && performance.now() < limit) {
    await sleep(250);
    const now = bytesOnDisk(folder);
    if (now !== last) since = performance.now();
    last = now;
  }
  return last;
}

/** What sealed points take in the file of a store; see docs/spec/sqlite-format.md. */
export interface SealedPoints {
  readonly points: number;
  /** Bytes of their blocks. */
  readonly blockBytes: number;
  /** The same with what SQLite needs around them: pages of the table and of its index. */
  readonly pageBytes: number;
}

/** @param file - the store of a server that has stopped */
export function sealedPoints(file: string): SealedPoints {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const one = (sql: string): number => Number(Object.values(db.prepare(sql).get() ?? {})[0] ?? 0);
    return {
      points: one('SELECT sum(points) FROM point_run WHERE live = 1'),
      blockBytes: one('SELECT sum(length(data)) FROM point_block'),
      pageBytes: one("SELECT sum(pgsize) FROM dbstat WHERE name IN ('point_block', 'point_block_place')"),
    };
  } finally {
    db.close();
  }
}

function blocksOf(path: string): number {
  try {
    return statSync(path).blocks;
  } catch {
    return 0; // Removed since it was listed, as a finished segment or a WAL may be.
  }
}
