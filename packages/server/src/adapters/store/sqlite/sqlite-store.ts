import { resolve } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { type CommitOutcome, PisyncError } from '@pisync/protocol';
import type { HistoryFilter } from '../../../core/history.ts';
import type { WindowTotals } from '../../../core/totals.ts';
import type { DetectionStore, NetworkDetail } from '../../../ports/detection-store.ts';
import type {
  CommitGroup,
  DevicePage,
  DeviceQuery,
  DeviceRecord,
  DeviceStatistics,
  Finding,
  FleetSummary,
  HistoryPage,
  HistoryQuery,
  QuarantinedItem,
  QuarantinePage,
  QuarantineQuery,
  StateRule,
  Store,
  StorePolicy,
  StoreStatus,
} from '../../../ports/store.ts';
import type { SeriesPage, SeriesQuery, TelemetryStore } from '../../../ports/telemetry-store.ts';
import { type BlockRow, toStoredEvent } from './format/block.ts';
import type { PointTailAnswer, PointTailQuestion } from './points/point-queries.ts';
import { SCAN_LIMIT, type TailAnswer } from './state/queries.ts';
import { CommitQueue } from './threads/commit-queue.ts';
import { OnDemandThread } from './threads/on-demand-thread.ts';
import type { ReadAnswer, ReadRequest } from './threads/reader.ts';
import { startThread } from './threads/start-thread.ts';
import { type ErrorMessage, fromErrorMessage, ThreadCaller } from './threads/thread-call.ts';
import type { WriterData, WriterStatus } from './threads/writer.ts';

export interface SqliteOptions {
  /** Unsealed observations from which the oldest are sorted into history. */
  readonly sealEvents?: number;
  /** Unsealed points from which the oldest are sorted into history. */
  readonly sealPoints?: number;
  /** Unsealed detections from which the oldest are sorted into history. */
  readonly sealDetections?: number;
}

/** Observations in the tail from which a run is sealed: what a start replays at most, about. */
const SEAL_EVENTS = 65_536;

/** How long the reading thread outlives its last question. */
const READER_IDLE_MS = 60_000;

/** Tries of a read that met a merge; each needs another merge to end in between to fail. */
const READ_TRIES = 5;

/** The SQLite store with what its own tests need. */
export interface SqliteStore extends Store {
  /** Seals and merges all there is; changes no answer. */
  settle(): Promise<void>;
  /** Makes the next write fail as a full disk or a failing card would. For tests. */
  injectFault(kind: 'disk_full' | 'io_error'): Promise<void>;
}

/**
 * Opens the embedded store at `path`, creating it and its folder where needed. One process at a time; the work is done on
 * a writer, a maintenance and a reader thread. Durability and format: docs/spec/sqlite-format.md.
 *
 * A damaged file is moved to `PATH.damaged-TIME` and a new store begun; `status().notes` says so.
 *
 * @throws {PisyncError} `store_locked`, `store_newer`, `store_unsafe`
 */
export async function openSqliteStore(
  path: string,
  policy: StorePolicy,
  options: SqliteOptions = {},
): Promise<SqliteStore> {
  const place = resolve(path);
  const workerData: WriterData = {
    path: place,
    partial: policy.partial,
    sealEvents: options.sealEvents ?? SEAL_EVENTS,
    sealPoints: options.sealPoints,
    sealDetections: options.sealDetections,
  };
  const writer = startThread(new URL('./threads/writer.ts', import.meta.url), workerData, true);
  const first = await new Promise<WriterStatus>((opened, failed) => {
    writer.once('error', failed);
    writer.once('message', (message: WriterStatus | { error: ErrorMessage }) => {
      if ('error' in message) failed(fromErrorMessage(message.error));
      else opened(message);
    });
  });
  const reader = new OnDemandThread(
    () => startThread(new URL('./threads/reader.ts', import.meta.url), { path: place }, true),
    READER_IDLE_MS,
  );
  return new ThreadedStore(place, writer, reader, first);
}

class ThreadedStore implements SqliteStore {
  readonly supports = { durable: true, exclusive: true };
  readonly telemetry: TelemetryStore = {
    series: (query) => this.#series(query),
    range: (query) => this.#readPoints('range', query),
    aggregate: (query) => this.#readPoints('aggregate', query),
    downsample: (query) => this.#readPoints('downsample', query),
  };
  readonly detections: DetectionStore = {
    list: (query) => this.#readDetections('generation', 'listDetections', query),
    grid: (query) => this.#readDetections('generation', 'detectionGrid', query),
    networks: (query) => this.#readDetections('fold', 'networks', query),
    network: async (key) =>
      (await this.#readDetections<NetworkDetail | null>('fold', 'network', key)) ?? undefined,
    networkGrid: (query) => this.#readDetections('fold', 'networkGrid', query),
    changes: (query) => this.#readDetections('fold', 'changes', query),
    namesakes: (query) => this.#readDetections('fold', 'namesakes', query),
  };
  readonly #path: string;
  readonly #writer: ThreadCaller;
  readonly #writerThread: Worker;
  readonly #reader: OnDemandThread;
  readonly #queue: CommitQueue;
  #last: WriterStatus;
  #generation = 0;
  #closing: Promise<void> | undefined;

  constructor(path: string, writer: Worker, reader: OnDemandThread, first: WriterStatus) {
    this.#path = path;
    this.#writerThread = writer;
    this.#writer = new ThreadCaller(writer);
    this.#reader = reader;
    this.#queue = new CommitQueue(this.#writer, ({ position, devices }) => {
      this.#last = { ...this.#last, position, devices };
    });
    this.#last = first;
    writer.on('message', (message: WriterStatus) => {
      if (message.id === 0) this.#last = message;
    });
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new PisyncError('store_closed');
  }

  /** Not `async`: on the way of every event, one promise is enough. */
  commit(group: CommitGroup): Promise<readonly CommitOutcome[]> {
    if (this.#closing !== undefined) return Promise.reject(new PisyncError('store_closed'));
    return this.#queue.add(group);
  }

  async #series(query: SeriesQuery): Promise<SeriesPage> {
    this.#assertOpen();
    return this.#writer.call('series', query);
  }

  /** @param before - what the writer must have done before the reader may answer */
  async #readDetections<T>(before: 'generation' | 'fold', method: string, query: object): Promise<T> {
    this.#assertOpen();
    await this.#matchReader(await this.#writer.call<number>(before, undefined));
    return this.#reader.call<T>(method, query);
  }

  /** Asks the writer for the newest part of a stretch, and the reader for the answer. */
  async #readPoints<T>(
    method: 'range' | 'aggregate' | 'downsample',
    query: PointTailQuestion,
  ): Promise<T | undefined> {
    this.#assertOpen();
    const { series, ...rest } = query;
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const tail = await this.#writer.call<PointTailAnswer | null>('pointTail', {
        series,
        from: rest.from,
        to: rest.to,
        limit: rest.limit,
      });
      if (tail === null) return undefined;
      await this.#matchReader(tail.generation);
      const answer = await this.#reader.call<T | 'stale'>(method, { ...rest, tail });
      if (answer !== 'stale') return answer;
    }
    throw reorganised();
  }

  async history(query: HistoryQuery): Promise<HistoryPage | undefined> {
    const { deviceId, from, to, status, after, limit, offset = 0 } = query;
    const filter: HistoryFilter = { from, to, status, after };
    const found = await this.#read<BlockRow[]>('page', deviceId, filter, offset, limit);
    if (found === undefined) return undefined;
    const { tail, answer } = found;
    const items = answer
      .slice(0, limit)
      .map((row) =>
        toStoredEvent(
          row,
          deviceId,
          row.epochIndex === 0 ? null : (tail.epochs[row.epochIndex - 1] as string),
        ),
      );
    const last = items[items.length - 1];
    const next =
      answer.length > limit && last !== undefined
        ? { timestamp: last.timestamp, epochIndex: last.epochIndex, tie: (answer[limit - 1] as BlockRow).tie }
        : null;
    return { items, next, total: tail.total };
  }

  async #read<T>(
    method: 'page' | 'statistics',
    deviceId: string,
    filter: HistoryFilter,
    offset: number,
    limit: number,
  ): Promise<{ tail: TailAnswer; answer: T } | undefined> {
    this.#assertOpen();
    const most = offset + limit + 1;
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const tail = await this.#writer.call<TailAnswer | null>('tail', { deviceId, filter, most });
      if (tail === null) return undefined;
      await this.#matchReader(tail.generation);
      const request: ReadRequest = { tail, filter, offset, limit };
      const answer = await this.#reader.call<ReadAnswer<T>>(method, request);
      if (answer !== 'stale') return { tail, answer };
    }
    throw reorganised();
  }

  /** A store that was opened anew may be another file: the reader must not go on with the old one. */
  async #matchReader(generation: number): Promise<void> {
    if (generation === this.#generation) return;
    this.#generation = generation;
    await this.#reader.stop();
  }

  async device(deviceId: string): Promise<DeviceRecord | undefined> {
    this.#assertOpen();
    return (await this.#writer.call<DeviceRecord | null>('device', deviceId)) ?? undefined;
  }

  async devices(query: DeviceQuery): Promise<DevicePage> {
    this.#assertOpen();
    return this.#writer.call('devices', query);
  }

  async fleet(rule: StateRule, from: number, to: number): Promise<FleetSummary> {
    this.#assertOpen();
    return this.#writer.call('fleet', { rule, from, to });
  }

  async statistics(deviceId: string, from: number, to: number): Promise<DeviceStatistics | undefined> {
    type Sums = { totals: ReturnType<WindowTotals['result']>; complete: boolean };
    const found = await this.#read<Sums>('statistics', deviceId, { from, to }, 0, SCAN_LIMIT);
    return found === undefined
      ? undefined
      : { from, to, ...found.answer.totals, complete: found.answer.complete };
  }

  async quarantine(query: QuarantineQuery): Promise<QuarantinePage> {
    this.#assertOpen();
    return this.#writer.call('quarantine', query);
  }

  async quarantined(id: number): Promise<QuarantinedItem | undefined> {
    this.#assertOpen();
    return (await this.#writer.call<QuarantinedItem | null>('quarantined', id)) ?? undefined;
  }

  async discard(id: number): Promise<boolean> {
    this.#assertOpen();
    return this.#writer.call('discard', id);
  }

  status(): StoreStatus {
    const { state, notes, position, devices, gauges } = this.#last;
    return {
      state: this.#closing === undefined ? state : 'closed',
      notes,
      position,
      devices,
      waiting: this.#queue.waiting,
      gauges,
    };
  }

  async verify(): Promise<readonly Finding[]> {
    this.#assertOpen();
    await this.#writer.call('checkpoint', undefined);
    // Loaded when it is asked for: it brings most of the writer's code with it.
    const { verifyStore } = await import('./state/verify.ts');
    return verifyStore(this.#path);
  }

  async settle(): Promise<void> {
    this.#assertOpen();
    await this.#writer.call('settle', undefined);
  }

  async injectFault(kind: 'disk_full' | 'io_error'): Promise<void> {
    this.#assertOpen();
    await this.#writer.call('inject', kind);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.drain();
    await this.#reader.stop();
    await this.#writer.call('close', undefined);
    await this.#writerThread.terminate();
  }
}

function reorganised(): PisyncError {
  return new PisyncError('store_unavailable', {
    detail: 'history is being reorganised',
    retryAfterMs: 1_000,
  });
}
