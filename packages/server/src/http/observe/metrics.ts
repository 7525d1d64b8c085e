import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ErrorCode, ItemOutcome } from '@pisync/protocol';
import { Counter, Gauge, Histogram, type Metric, Registry } from '@prometheus-io/client';
import type { Logger } from 'pino';
import type { Meter } from '../../ports/meter.ts';
import type { Store } from '../../ports/store.ts';
import type { Admission } from '../../services/admission/admission.ts';
import { RouteDurations } from './route-durations.ts';
import type { Blockage } from './watchdog.ts';

/** Everything that `/metrics` tells. Names carry their unit; no label holds what a device said. */
export class Metrics implements Meter {
  readonly #registry = new Registry();
  readonly #durations: RouteDurations;
  readonly #outcomes: Record<ItemOutcome, number> = { stored: 0, duplicate: 0, conflict: 0, rejected: 0 };
  #points = 0;
  readonly #refusals: Counter<'code'>;
  readonly #queries: Histogram<'query'>;
  readonly #blocked: Counter<'work'>;
  readonly #blockages: Counter<'work'>;
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });
  #blockageLoggedAt = Number.NEGATIVE_INFINITY;
  readonly #log: Logger;
  readonly #slowQueryMs: number;

  /** @param routes - names of the routes; {@link request} takes their index */
  constructor(routes: readonly string[], log: Logger, slowQueryMs: number) {
    const registers = [this.#registry];
    this.#log = log;
    this.#slowQueryMs = slowQueryMs;
    this.#durations = new RouteDurations(routes);
    this.#registry.registerMetric(this.#durations as unknown as Metric);
    this.#refusals = new Counter({
      name: 'pisync_admission_refusals_total',
      help: 'Requests that admission refused, by error code',
      labelNames: ['code'],
      registers,
    });
    // A series that appears only when it is needed cannot be alerted on.
    this.#refusals.inc({ code: 'rate_limited' }, 0);
    this.#refusals.inc({ code: 'overloaded' }, 0);
    this.#queries = new Histogram({
      name: 'pisync_store_query_duration_seconds',
      help: 'Time that the store took to answer a query',
      labelNames: ['query'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers,
    });
    this.#blocked = new Counter({
      name: 'pisync_event_loop_blocked_seconds_total',
      help: 'Time for which the event loop was blocked for over 50 ms at once, by the work that blocked it',
      labelNames: ['work'],
      registers,
    });
    this.#blockages = new Counter({
      name: 'pisync_event_loop_blockages_total',
      help: 'How often the event loop was blocked for over 50 ms, by the work that blocked it',
      labelNames: ['work'],
      registers,
    });
    this.#observeItems(registers);
    this.#observePoints(registers);
    this.#observeProcess(registers);
    this.#delay.enable();
  }

  /** Text of the exposition format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  request(route: number, status: number, milliseconds: number): void {
    this.#durations.observe(route, status, milliseconds);
  }

  items(outcome: ItemOutcome, count: number): void {
    this.#outcomes[outcome] += count;
  }

  points(count: number): void {
    this.#points += count;
  }

  refused(code: ErrorCode): void {
    this.#refusals.inc({ code });
  }

  query(name: string, milliseconds: number, parameters: object): void {
    this.#queries.observe({ query: name }, milliseconds / 1000);
    if (milliseconds >= this.#slowQueryMs) {
      this.#log.warn({ query: name, duration_ms: Math.round(milliseconds), parameters }, 'slow query');
    }
  }

  /** Counts every blockage, and logs one a second at most: a server that is overloaded should not log as well. */
  blocked(blockage: Blockage): void {
    this.#blocked.inc({ work: blockage.work }, blockage.milliseconds / 1000);
    this.#blockages.inc({ work: blockage.work });
    const now = performance.now();
    if (now - this.#blockageLoggedAt < 1000) return;
    this.#blockageLoggedAt = now;
    const duration_ms = Math.round(blockage.milliseconds);
    this.#log.warn({ work: blockage.work, duration_ms }, 'event loop was blocked');
  }

  stop(): void {
    this.#delay.disable();
  }

  /** Gauges of the store and of admission, read when asked. */
  watch(store: Store, admission: Admission): void {
    const registers = [this.#registry];
    const gauge = (name: string, help: string, read: () => number): Gauge =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    gauge('pisync_store_ready', '1 while the store takes writes', () =>
      store.status().state === 'ready' ? 1 : 0,
    );
    gauge('pisync_store_devices', 'Devices that the store knows', () => store.status().devices);
    gauge('pisync_store_events', 'Sync events that the store holds', () => store.status().position);
    gauge(
      'pisync_store_waiting_items',
      'Items handed to the store and not yet answered',
      () => store.status().waiting,
    );
    gauge('pisync_admission_devices', 'Devices whose limits are tracked', () => admission.trackedDevices);
    gauge('pisync_request_bodies_bytes', 'Memory held by request bodies', () => admission.bufferedBytes);
    const help = 'See the specification of the store adapter';
    for (const name of Object.keys(store.status().gauges)) {
      const read = (): number => store.status().gauges[name] ?? 0;
      if (name.endsWith('_total')) this.#count(`pisync_store_${name}`, help, read);
      else gauge(`pisync_store_${name}`, help, read);
    }
  }

  #count(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  #observeItems(registers: Registry[]): void {
    const outcomes = this.#outcomes;
    new Counter({
      name: 'pisync_items_total',
      help: 'Items of ingest requests by their outcome',
      labelNames: ['outcome'],
      registers,
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(outcomes)) this.inc({ outcome }, count);
      },
    });
  }

  #observePoints(registers: Registry[]): void {
    const points = (): number => this.#points;
    new Counter({
      name: 'pisync_points_total',
      help: 'Points of telemetry that were stored, repeated ones included',
      registers,
      collect() {
        this.reset();
        this.inc(points());
      },
    });
  }

  #observeProcess(registers: Registry[]): void {
    const delay = this.#delay;
    new Gauge({
      name: 'pisync_event_loop_delay_seconds',
      help: 'Delay of the event loop since the last reading of the metrics',
      labelNames: ['quantile'],
      registers,
      collect() {
        // Before the first sample the histogram answers with its own extremes.
        const seconds = (nanoseconds: number): number => (delay.count === 0 ? 0 : nanoseconds / 1e9);
        this.set({ quantile: '0.5' }, seconds(delay.percentile(50)));
        this.set({ quantile: '0.99' }, seconds(delay.percentile(99)));
        this.set({ quantile: '1' }, seconds(delay.max));
        delay.reset();
      },
    });
    new Gauge({
      name: 'pisync_process_resident_memory_bytes',
      help: 'Resident memory of the process',
      registers,
      collect() {
        this.set(process.memoryUsage.rss());
      },
    });
    const started = Date.now() / 1000 - process.uptime();
    new Gauge({
      name: 'pisync_process_start_time_seconds',
      help: 'Start of the process in seconds since 1970',
      registers,
    }).set(Math.round(started));
  }
}
