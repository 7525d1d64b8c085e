import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { ApiClient } from '../client.ts';
import { type DeliveryCounts, deliver } from './delivery.ts';
import { type FleetEvent, type FleetPlan, fleetEvents } from './fleet.ts';
import { Ledger, type LedgerTotals } from './ledger.ts';
import type { LedgerFile } from './ledger-file.ts';

export interface RunOptions {
  readonly client: ApiClient;
  readonly plan: FleetPlan;
  /** Events in a request; 1 uses the single route. */
  readonly batch: number;
  /** Requests under way at once. */
  readonly concurrency: number;
  /** Events a second; 0 for as fast as the server answers. */
  readonly ratePerSecond: number;
  /** Time after which nothing new is sent; 0 for no such limit. */
  readonly durationMs: number;
  /** Where each acknowledged event is written down. */
  readonly ledgerFile?: LedgerFile | undefined;
  /** Aborted to stop early; requests under way are answered first. */
  readonly signal: AbortSignal;
}

/** Latencies of answered requests in milliseconds. */
export interface LatencySummary {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** How a run stands; the same shape while it runs and at its end. */
export interface RunProgress extends Readonly<LedgerTotals>, Readonly<DeliveryCounts> {
  /** Items handed to requests, copies included, retries not. */
  readonly sent: number;
  readonly seconds: number;
  /** Items with a result, per second. */
  readonly eventsPerSecond: number;
  readonly latency: LatencySummary;
}

/** A run of a fleet against a server. Memory is bounded by devices, window and requests under way. */
export class FleetRun {
  readonly ledger: Ledger;
  readonly #options: RunOptions;
  readonly #counts: DeliveryCounts = { requests: 0, retries: 0, deferrals: 0, firstError: null };
  readonly #latencies: RecordableHistogram = createHistogram({ figures: 3 });
  readonly #events: Iterator<FleetEvent, void, undefined>;
  #sent = 0;
  #startedAt = 0;
  #endedAt: number | undefined;
  #failed = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.ledger = new Ledger(options.plan.devices, options.ledgerFile);
    this.#events = fleetEvents(options.plan);
  }

  /**
   * Sends the whole fleet. Resolves when every item has a result or was given up.
   *
   * @throws a programming mistake only; what servers and networks do is in the progress
   */
  async run(): Promise<RunProgress> {
    this.#startedAt = performance.now();
    const workers = Array.from({ length: this.#options.concurrency }, () => this.#work());
    try {
      await Promise.all(workers);
    } catch (error) {
      this.#failed = true;
      throw error;
    } finally {
      this.#endedAt = performance.now();
    }
    return this.progress();
  }

  /** How it stands now. */
  progress(): RunProgress {
    const seconds = ((this.#endedAt ?? performance.now()) - this.#startedAt) / 1_000;
    const { stored, duplicate, conflict, rejected } = this.ledger.totals;
    const milliseconds = (microseconds: number): number => Math.round(microseconds / 10) / 100;
    const percentile = (share: number): number =>
      this.#latencies.count === 0 ? 0 : milliseconds(this.#latencies.percentile(share));
    return {
      sent: this.#sent,
      ...this.ledger.totals,
      ...this.#counts,
      seconds: Math.round(seconds * 100) / 100,
      eventsPerSecond: seconds > 0 ? Math.round((stored + duplicate + conflict + rejected) / seconds) : 0,
      latency: {
        p50: percentile(50),
        p95: percentile(95),
        p99: percentile(99),
        max: this.#latencies.count === 0 ? 0 : milliseconds(this.#latencies.max),
      },
    };
  }

  async #work(): Promise<void> {
    const { client, batch, ratePerSecond } = this.#options;
    while (!this.#stopping()) {
      const events = this.#take(batch);
      if (events.length === 0) return;
      if (ratePerSecond > 0) {
        const due = this.#startedAt + (this.#sent / ratePerSecond) * 1_000;
        await this.#pause(due - performance.now());
      }
      await deliver(events, {
        client,
        ledger: this.ledger,
        counts: this.#counts,
        single: batch === 1,
        onLatency: (milliseconds) => this.#latencies.record(Math.max(1, Math.round(milliseconds * 1_000))),
        pause: (milliseconds) => this.#pause(milliseconds),
        stopping: () => this.#options.signal.aborted || this.#failed,
      });
    }
  }

  #take(size: number): FleetEvent[] {
    const events: FleetEvent[] = [];
    while (events.length < size) {
      const { value, done } = this.#events.next();
      if (done === true) break;
      events.push(value);
    }
    this.#sent += events.length;
    return events;
  }

  #stopping(): boolean {
    const { signal, durationMs } = this.#options;
    const over = durationMs > 0 && performance.now() - this.#startedAt >= durationMs;
    return signal.aborted || this.#failed || over;
  }

  /** Waits; an abort ends the wait early. */
  #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#options;
    if (milliseconds <= 0 || signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
    return promise;
  }
}
