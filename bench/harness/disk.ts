import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
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

function blocksOf(path: string): number {
  try {
    return statSync(path).blocks;
  } catch {
    return 0; // Removed since it was listed, as a finished segment or a WAL may be.
  }
}
