import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { CommitOutcome } from '@pisync/protocol';
import { parseJson } from '@pisync/protocol';
import type { CommitGroup, Store } from '../ports/store.ts';

/** A line that goes to the process under test. */
export interface CommitRequest {
  readonly id: number;
  readonly group: CommitGroup;
  /** Commit, but tell only that it happened: the acknowledgement is never sent. */
  readonly withhold?: boolean;
  /** Do the background work now, while commits go on. */
  readonly settle?: boolean;
}

/** A line that comes back: first that the store is open, then one for each request, in any order. */
export type CommitReply =
  | { readonly ready: true }
  | { readonly id: number; readonly outcomes: readonly CommitOutcome[] }
  | { readonly id: number; readonly withheld: true }
  | { readonly id: number; readonly error: string };

/**
 * The process that the suite kills: commits the groups that come as lines of JSON, any number at once, and writes a
 * line for each when it has resolved. Closes the store and returns at the end of the input.
 *
 * A script for `startChild` opens the store of its adapter and calls this with `process.stdin` and `process.stdout`.
 *
 * @param settle - as in the options of the suite; called now and then while commits are running
 */
export async function serveCommits(
  store: Store,
  input: Readable,
  output: Writable,
  settle?: () => Promise<void>,
): Promise<void> {
  const reply = (line: CommitReply): void => {
    output.write(`${JSON.stringify(line)}\n`);
  };
  const running = new Set<Promise<void>>();
  const track = (work: Promise<void>): void => {
    running.add(work);
    void work.then(() => running.delete(work));
  };
  reply({ ready: true });
  for await (const line of createInterface({ input })) {
    const { id, group, withhold = false, settle: background = false } = parseJson(line) as CommitRequest;
    const commit = store.commit(group).then(
      (outcomes) => reply(withhold ? { id, withheld: true } : { id, outcomes }),
      (error: unknown) => reply({ id, error: String(error) }),
    );
    track(commit);
    if (background && settle !== undefined) track(settle());
  }
  await Promise.all(running);
  await store.close();
}
