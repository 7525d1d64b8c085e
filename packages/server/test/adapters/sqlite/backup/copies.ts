import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type PisyncError, PisyncError as PisyncErrorClass } from '@pisync/protocol';
import type { SqliteStore } from '../../../../src/adapters/store/sqlite/sqlite-store.ts';
import { counted } from '../../../../src/conformance/make-events.ts';
import type { CopyOptions } from '../../../../src/ports/backup.ts';

/** Options of a copy that nobody stops or watches, unless `fields` say more. */
export function copyOptions(fields: Partial<CopyOptions> = {}): CopyOptions {
  return { force: false, signal: new AbortController().signal, onProgress: () => undefined, ...fields };
}

/** Commits events `from` to `to`, exclusive, of one device. */
export async function commitEvents(store: SqliteStore, from: number, to: number): Promise<void> {
  const observations = Array.from({ length: to - from }, (_, index) => counted(from + index));
  await store.commit({ observations, rejected: [] });
}

/** Names in the folder of a file, sorted. */
export function filesBeside(path: string): readonly string[] {
  return readdirSync(dirname(path)).sort();
}

/** Asserts that something fails with a code, and that its message says `words`. */
export async function assertFails(
  work: Promise<unknown>,
  code: PisyncError['code'],
  words: RegExp,
): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof PisyncErrorClass, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  });
}
