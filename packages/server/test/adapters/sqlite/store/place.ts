import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { openSqliteStore, type SqliteStore } from '../../../../src/adapters/store/sqlite/sqlite-store.ts';

export const policy = { partial: 'failure' } as const;

/** A path for a store in a folder of its own, removed after the test. */
export function placeFor(context: TestContext): string {
  const path = join(mkdtempSync(join(tmpdir(), 'pisync-sqlite-')), 'pisync.db');
  context.after(() => rmSync(dirname(path), { recursive: true }));
  return path;
}

/** Opens a store, gives it to `use` and closes it. */
export async function withStore<T>(path: string, use: (store: SqliteStore) => Promise<T>): Promise<T> {
  const store = await openSqliteStore(path, policy);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within 15 s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

/** Overwrites the root page of a table, as a bad sector would. */
export function overwriteTable(path: string, table: string): void {
  const db = new DatabaseSync(path, { readOnly: true });
  const row = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(table);
  const { page_size: size } = db.prepare('PRAGMA page_size').get() as { page_size: number };
  db.close();
  overwrite(path, ((row as { rootpage: number }).rootpage - 1) * size, new Uint8Array(size).fill(0xa5));
}

/** Of util-linux; sets the limits of a running process. */
const limiter = 'prlimit';

/** Why files of this process cannot be limited here; false where they can. */
export function noFileLimit(): string | false {
  try {
    execFileSync(limiter, ['--version']);
    return false;
  } catch {
    return `not run here: ${limiter} is needed to keep the files of this process from growing`;
  }
}

/** Lets no file of this process grow beyond so many bytes, as on a full disk; undefined ends it. */
export function limitFiles(bytes: number | undefined): void {
  execFileSync(limiter, ['--pid', String(process.pid), `--fsize=${bytes ?? 'unlimited'}:`]);
}
