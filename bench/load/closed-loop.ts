import { type HttpConnection, openConnections } from './http/http-connection.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** A load whose clients each wait for their reply before the next request. */
export interface ClosedLoop {
  readonly url: string;
  readonly connections: number;
  /** Stop after so many milliseconds, or when `next` has no more, whichever is first. */
  readonly durationMs?: number;
  /** The next request for this connection (0 to `connections - 1`), or null when there is none left. */
  next(connection: number): Buffer | string | null;
  /** Looks at each reply and says whether it is as expected. */
  accept(status: number, connection: HttpConnection): boolean;
}

/** What a load came to. `seconds` runs from the first request to the last reply. */
export interface LoadResult {
  readonly requests: number;
  /** Replies that were not accepted, and connections that broke. */
  readonly errors: number;
  readonly firstError: string | null;
  readonly seconds: number;
  readonly latency: LatencyHistogram;
}

/** Runs a closed loop to its end. A broken connection is counted and not replaced. */
export async function runClosedLoop(load: ClosedLoop): Promise<LoadResult> {
  const latency = new LatencyHistogram();
  let requests = 0;
  let errors = 0;
  let firstError: string | null = null;
  let deadline = Number.POSITIVE_INFINITY;
  let open = load.connections;
  let finished = (): void => {};
  const ended = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const fail = (text: string): void => {
    errors++;
    firstError ??= text;
  };
  const proceed = (connection: HttpConnection, now: number): void => {
    const request = now < deadline ? load.next(connection.tag) : null;
    if (request === null) {
      if (!connection.closed) connection.close();
      return;
    }
    connection.startedAt = now;
    connection.send(request);
  };
  const connections = await openConnections(load.url, load.connections, {
    onResponse(connection) {
      const now = performance.now();
      latency.record(now - connection.startedAt);
      requests++;
      const { status } = connection.reader;
      if (!load.accept(status, connection))
        fail(`${status} ${connection.reader.body.toString('utf8', 0, 300)}`);
      proceed(connection, now);
    },
    onClosed(connection, error) {
      if (connection.busy) fail(error?.message ?? 'connection closed before the reply');
      if (--open === 0) finished();
    },
  });
  const began = performance.now();
  if (load.durationMs !== undefined) deadline = began + load.durationMs;
  connections.forEach((connection, index) => {
    connection.tag = index;
    proceed(connection, performance.now());
  });
  await ended;
  return { requests, errors, firstError, seconds: (performance.now() - began) / 1000, latency };
}

/** Sends requests that were made beforehand, each once, in their order, over all connections. */
export function runPrepared(
  load: Omit<ClosedLoop, 'next' | 'durationMs'>,
  requests: readonly Buffer[],
): Promise<LoadResult> {
  let at = 0;
  return runClosedLoop({ ...load, next: () => requests[at++] ?? null });
}
