import { setTimeout as sleep } from 'node:timers/promises';
import { storedCount } from './batch-source.ts';
import { DueQueue } from './due-queue.ts';
import { firstEventTime } from './event-template.ts';
import { HerdTemplate } from './herd-template.ts';
import { HttpConnection, openConnections } from './http/http-connection.ts';
import { IdleQueue } from './idle-queue.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** A fleet that comes back after an outage: every device has a queue and wants to be rid of it. */
export interface Herd {
  readonly url: string;
  readonly devices: number;
  readonly eventsPerDevice: number;
  /** A divisor of `eventsPerDevice`. */
  readonly eventsPerRequest: number;
  /** Each device returns at a random moment of this window. */
  readonly windowSeconds: number;
  readonly connections: number;
  /** Give up after so long. */
  readonly limitSeconds: number;
}

/** Latencies are in milliseconds. */
export interface HerdResult {
  /** From the first moment of the window to the last reply. */
  readonly seconds: number;
  readonly storedEvents: number;
  readonly duplicateEvents: number;
  /** Requests that the server put off with 429 or 503. */
  readonly putOff: number;
  /** Replies that asked the device to come later with its next request. */
  readonly spread: number;
  /** Connections that broke with a request on its way. */
  readonly brokenConnections: number;
  readonly devicesDone: number;
  readonly firstError: string | null;
  /** Of admitted requests, from their sending. */
  readonly admitted: LatencyHistogram;
  /** Of all devices, from the moment they returned to the reply of their last request, waiting included. */
  readonly wholeDevice: LatencyHistogram;
}

/** Lets the herd return, and comes back when every device is rid of its queue or the limit is reached. */
export async function runHerd(herd: Herd): Promise<HerdResult> {
  const run = new HerdRun(herd);
  await run.open();
  return run.toEnd();
}

class HerdRun {
  readonly #herd: Herd;
  readonly #templates: readonly HerdTemplate[];
  readonly #due = new DueQueue();
  readonly #returnedAt: Float64Array;
  /** Requests of each device that were answered for good. */
  readonly #answered: Uint8Array;
  readonly #idle = new IdleQueue();
  readonly #buffers = new Map<HttpConnection, Buffer>();
  readonly #result = {
    storedEvents: 0,
    duplicateEvents: 0,
    putOff: 0,
    spread: 0,
    brokenConnections: 0,
    devicesDone: 0,
    firstError: null as string | null,
    admitted: new LatencyHistogram(),
    wholeDevice: new LatencyHistogram(),
  };
  #lastReply = 0;
  #ending = false;

  constructor(herd: Herd) {
    this.#herd = herd;
    const requests = herd.eventsPerDevice / herd.eventsPerRequest;
    const first = firstEventTime(Date.now());
    this.#templates = Array.from({ length: requests }, (_, request) => {
      const from = request * herd.eventsPerRequest;
      const seqs = Array.from({ length: herd.eventsPerRequest }, (__, index) => from + index);
      return new HerdTemplate({ epoch: 'herd', seqs, first });
    });
    this.#returnedAt = new Float64Array(herd.devices);
    this.#answered = new Uint8Array(herd.devices);
  }

  async open(): Promise<void> {
    this.#adopt(await openConnections(this.#herd.url, this.#herd.connections, this.#events));
  }

  async toEnd(): Promise<HerdResult> {
    const { devices, windowSeconds, limitSeconds } = this.#herd;
    const began = performance.now();
    for (let device = 0; device < devices; device++) {
      const returns = began + Math.random() * windowSeconds * 1000;
      this.#returnedAt[device] = returns;
      this.#due.add(returns, device);
    }
    const limit = began + limitSeconds * 1000;
    while (this.#result.devicesDone < devices && performance.now() < limit) {
      this.#dispatch();
      await sleep(1);
    }
    this.#ending = true;
    for (const connection of this.#buffers.keys()) connection.close();
    return { ...this.#result, seconds: (this.#lastReply - began) / 1000 };
  }

  readonly #events = {
    onResponse: (connection: HttpConnection): void => this.#onResponse(connection),
    onClosed: (connection: HttpConnection): void => this.#onClosed(connection),
  };

  #adopt(connections: readonly HttpConnection[]): void {
    const length = Math.max(...this.#templates.map((it) => it.length));
    for (const connection of connections) {
      this.#buffers.set(connection, Buffer.allocUnsafeSlow(length));
      this.#idle.add(connection);
    }
  }

  #dispatch(): void {
    const now = performance.now();
    while (this.#due.next <= now) {
      const connection = this.#idle.take();
      if (connection === undefined) return;
      const device = this.#due.take()!;
      const template = this.#templates[this.#answered[device]!]!;
      const buffer = this.#buffers.get(connection)!;
      template.write(buffer, device, Date.now());
      connection.tag = device;
      connection.startedAt = performance.now();
      connection.send(buffer.length === template.length ? buffer : buffer.subarray(0, template.length));
    }
  }

  #onResponse(connection: HttpConnection): void {
    const now = performance.now();
    const { reader, tag: device } = connection;
    this.#lastReply = now;
    if (reader.status === 200) this.#onAdmitted(connection, device, now);
    else this.#onRefused(connection, device, now);
    this.#idle.add(connection);
    this.#dispatch();
  }

  #onAdmitted(connection: HttpConnection, device: number, now: number): void {
    const result = this.#result;
    const { body } = connection.reader;
    result.admitted.record(now - connection.startedAt);
    const stored = Math.max(0, storedCount(body));
    const duplicate = this.#herd.eventsPerRequest - stored;
    result.storedEvents += stored;
    if (duplicate > 0) {
      result.duplicateEvents += duplicate;
      const reply = JSON.parse(body.toString('utf8')) as { duplicate?: number };
      if (reply.duplicate !== duplicate) result.firstError ??= body.toString('utf8', 0, 300);
    }
    const wait = nextSyncAfter(body);
    if (wait > 0) result.spread++;
    this.#answered[device] = this.#answered[device]! + 1;
    if (this.#answered[device]! < this.#templates.length) {
      this.#due.add(now + wait, device);
      return;
    }
    result.devicesDone++;
    result.wholeDevice.record(now - this.#returnedAt[device]!);
  }

  #onRefused(connection: HttpConnection, device: number, now: number): void {
    const { reader } = connection;
    if (reader.status === 429 || reader.status === 503) {
      this.#result.putOff++;
      const seconds = Number(reader.header('retry-after') ?? Number.NaN);
      if (!(seconds >= 0)) this.#result.firstError ??= `${reader.status} without Retry-After`;
      this.#due.add(now + (seconds >= 0 ? seconds : 1) * 1000, device);
      return;
    }
    this.#result.firstError ??= `${reader.status} ${reader.body.toString('utf8', 0, 300)}`;
  }

  /** A connection that ended is replaced; a device whose request was on its way sends it again. */
  #onClosed(connection: HttpConnection): void {
    this.#buffers.delete(connection);
    if (this.#ending) return;
    if (connection.busy) {
      this.#result.brokenConnections++;
      this.#due.add(performance.now(), connection.tag);
    }
    HttpConnection.open(this.#herd.url, this.#events).then(
      (replacement) => this.#adopt([replacement]),
      (reason: Error) => {
        this.#result.firstError ??= reason.message;
      },
    );
  }
}

const nextSyncMark = Buffer.from('"next_sync_after_ms":');

/** Milliseconds that the reply asks the device to wait, 0 where it does not. */
function nextSyncAfter(body: Buffer): number {
  const at = body.lastIndexOf(nextSyncMark);
  if (at < 0) return 0;
  return (
    Number.parseFloat(body.toString('latin1', at + nextSyncMark.length, at + nextSyncMark.length + 16)) || 0
  );
}
