import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadResult } from './closed-loop.ts';
import { type HttpConnection, openConnections } from './http/http-connection.ts';
import { IdleQueue } from './idle-queue.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** A load that arrives at a fixed rate whatever the server does, as a fleet does. */
export interface OpenLoop {
  readonly url: string;
  readonly connections: number;
  /** Requests per second. */
  readonly rate: number;
  readonly durationMs: number;
  /** Requests of the beginning that are sent but not counted. */
  readonly warmUpMs: number;
  /** Bytes of request `number`. They are copied by the socket only when it is full: at most one use per connection. */
  request(number: number, connection: number): Buffer | string;
  accept(status: number): boolean;
}

/**
 * Runs an open loop. Each request has a moment at which it is meant to be sent, and its latency counts from that
 * moment, also where the generator is late or every connection is still waiting: nothing is omitted because
 * the server was slow.
 */
export async function runOpenLoop(load: OpenLoop): Promise<LoadResult> {
  const run = new OpenLoopRun(load);
  await run.open();
  return run.toEnd();
}

class OpenLoopRun {
  readonly #load: OpenLoop;
  readonly #latency = new LatencyHistogram();
  readonly #idle = new IdleQueue();
  readonly #total: number;
  readonly #warmUp: number;
  #connections: HttpConnection[] = [];
  #began = 0;
  #sent = 0;
  #answered = 0;
  #errors = 0;
  #firstError: string | null = null;
  #ending = false;

  constructor(load: OpenLoop) {
    this.#load = load;
    this.#warmUp = Math.floor((load.rate * load.warmUpMs) / 1000);
    this.#total = this.#warmUp + Math.floor((load.rate * load.durationMs) / 1000);
  }

  async open(): Promise<void> {
    this.#connections = await openConnections(this.#load.url, this.#load.connections, {
      onResponse: (connection) => this.#onResponse(connection),
      onClosed: (connection, error) => this.#onClosed(connection, error),
    });
    this.#connections.forEach((connection, index) => {
      connection.tag = index;
      this.#idle.add(connection);
    });
  }

  async toEnd(): Promise<LoadResult> {
    this.#began = performance.now();
    while (this.#sent < this.#total && this.#connections.some((it) => !it.closed)) {
      this.#dispatch();
      await sleep(1);
    }
    const patience = performance.now() + 10_000;
    while (this.#answered + this.#errors < this.#sent && performance.now() < patience) await sleep(5);
    const seconds = (performance.now() - this.#began) / 1000;
    const lost = this.#total - this.#answered - this.#errors;
    if (lost > 0) this.#fail(`${lost} requests without a reply`, lost);
    this.#ending = true;
    for (const connection of this.#connections) connection.close();
    return {
      requests: this.#answered,
      errors: this.#errors,
      firstError: this.#firstError,
      seconds,
      latency: this.#latency,
    };
  }

  /** Moment at which request `number` is meant to be sent. */
  #due(number: number): number {
    return this.#began + (number * 1000) / this.#load.rate;
  }

  #dispatch(): void {
    const now = performance.now();
    while (this.#sent < this.#total && this.#due(this.#sent) <= now) {
      const connection = this.#idle.take();
      if (connection === undefined) return;
      connection.startedAt = this.#sent;
      connection.send(this.#load.request(this.#sent, connection.tag));
      this.#sent++;
    }
  }

  #onResponse(connection: HttpConnection): void {
    const number = connection.startedAt;
    if (number >= this.#warmUp) this.#latency.record(performance.now() - this.#due(number));
    const { status, body } = connection.reader;
    if (this.#load.accept(status)) this.#answered++;
    else this.#fail(`${status} ${body.toString('utf8', 0, 300)}`, 1);
    this.#idle.add(connection);
    // A late request does not wait for the next tick.
    this.#dispatch();
  }

  #onClosed(connection: HttpConnection, error: Error | null): void {
    if (this.#ending) return;
    if (connection.busy) this.#fail(error?.message ?? 'connection closed before the reply', 1);
  }

  #fail(text: string, count: number): void {
    this.#errors += count;
    this.#firstError ??= text;
  }
}
