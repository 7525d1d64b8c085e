import { setTimeout } from 'node:timers/promises';

/** Time between two lines, milliseconds; also keeps proxies from thinking that nothing happens. */
const progressMs = 500;

/** What a running import tells in its reply. */
export interface ImportLines {
  /** What is on disk now. */
  progress(): Record<string, unknown>;
  /** JSON text for what ended the import. */
  problem(error: unknown): string;
}

/**
 * The lines of an import's reply: progress while it runs, then what `run` resolved or rejected with.
 *
 * @throws what `run` rejected with before there was a line: then the reply can still be a problem document
 */
export async function* replyLines(
  run: Promise<unknown>,
  { progress, problem }: ImportLines,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ended = run.then(
    () => ({ ok: true }) as const,
    (error: unknown) => ({ ok: false, error }) as const,
  );
  for (let told = false; ; told = true) {
    const waited = new AbortController();
    const pause = setTimeout(progressMs, undefined, { signal: waited.signal }).catch(() => undefined);
    const end = await Promise.race([ended, pause]);
    waited.abort();
    if (end === undefined) {
      yield line(JSON.stringify(progress()));
      continue;
    }
    if (end.ok) yield line(JSON.stringify({ ...progress(), done: true }));
    else if (told) yield line(problem(end.error));
    else throw end.error;
    return;
  }
}

function line(json: string): Uint8Array {
  return Buffer.from(`${json}\n`);
}
