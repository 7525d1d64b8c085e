import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { PisyncError } from '@pisync/protocol';
import type { DeviceQuery, StateRule } from '../../../../core/device.ts';
import type { PartialRule } from '../../../../core/fold.ts';
import type { HistoryFilter } from '../../../../core/history.ts';
import type { DevicePage, QuarantineQuery } from '../../../../ports/store.ts';
import type { SeriesQuery } from '../../../../ports/telemetry-store.ts';
import { freeBytes } from '../../sealed/bytes.ts';
import { isDamage, lockPlace, setAside } from '../format/connection.ts';
import {
  type PointTailAnswer,
  type PointTailQuestion,
  queryPointTail,
  querySeries,
} from '../points/point-queries.ts';
import { type CommitMessage, type CommitOutcomes, Committer } from '../state/committer.ts';
import { Engine } from '../state/engine.ts';
import { queryDevice, queryDevices, queryFleet, queryTail, type TailAnswer } from '../state/queries.ts';
import { Housekeeping } from './housekeeping.ts';
import { OnDemandThread } from './on-demand-thread.ts';
import { startThread } from './start-thread.ts';
import { answerCalls, toErrorMessage } from './thread-call.ts';

/*
 * The writer thread: owns the writing connection and the state derived from the log. A commit is one message, admitted,
 * appended, flushed and answered before the next is looked at; questions about devices are answered between commits,
 * so that they see what is on disk and nothing else.
 */

export interface WriterData {
  readonly path: string;
  readonly partial: PartialRule;
  /** Observations in the tail from which a run is sealed. */
  readonly sealEvents: number;
  /** Points in the tail from which a run of points is sealed. */
  readonly sealPoints?: number | undefined;
  /** Detections in the tail from which a run of detections is sealed. */
  readonly sealDetections?: number | undefined;
}

/** What the store's own thread is told now and then. */
export interface WriterStatus {
  readonly id: 0;
  readonly state: 'ready' | 'recovering';
  readonly notes: readonly string[];
  readonly position: number;
  readonly devices: number;
  readonly gauges: Readonly<Record<string, number>>;
}

const STATUS_INTERVAL_MS = 500;
/** How long the maintenance thread outlives its work. */
const MAINTENANCE_IDLE_MS = 2_000;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5_000;

const port = parentPort as MessagePort;
const { path, partial, sealEvents, sealPoints, sealDetections } = workerData as WriterData;

const notes: string[] = [];
let engine: Engine | undefined;
let committer: Committer | undefined;
let housekeeping: Housekeeping | undefined;
let writable = false;
let retryMs = FIRST_RETRY_MS;
let retry: NodeJS.Timeout | undefined;
/** Counts the times that the store was opened: rows of one opening must not be mixed with files of another. */
let generation = 0;
let injected: 'disk_full' | 'io_error' | undefined;
let commits = 0;

/** Opens the store; a file that is broken is moved out of the way, so that the fleet can go on reporting. */
function open(): Engine {
  try {
    return new Engine(path, partial);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const place = setAside(path, new Date(), 'damaged');
    notes.push(`the store was damaged and lies now at ${place}: ${String(error)}; a new one was begun`);
    return new Engine(path, partial);
  }
}

function start(): void {
  engine = open();
  committer = new Committer(engine);
  generation += 1;
  const maintenance = new OnDemandThread(
    () => startThread(new URL('./maintenance.ts', import.meta.url), { path }, false),
    MAINTENANCE_IDLE_MS,
  );
  housekeeping = new Housekeeping(engine, maintenance, {
    sealEvents,
    sealPoints,
    sealDetections,
    onFailure: recover,
  });
}

/**
 * After a failed flush nobody knows what is on disk: memory is thrown away, the store is opened and read again, and
 * nothing is acknowledged until a flush of its own has succeeded.
 */
function recover(cause: unknown): void {
  writable = false;
  housekeeping?.stop();
  housekeeping = undefined;
  try {
    engine?.close();
  } catch {
    // A connection that cannot be closed is given up; the next open finds the truth on disk.
  }
  engine = undefined;
  notes.push(`${new Date().toISOString()} a write failed: ${String(cause)}`);
  notes.splice(0, notes.length - 20);
  sendStatus();
  retryLater();
}

/** One retry at a time, however many failures ask for it. */
function retryLater(): void {
  clearTimeout(retry);
  retry = setTimeout(reopen, retryMs);
}

function reopen(): void {
  try {
    if (engine === undefined) start();
    (engine as Engine).probe();
    writable = true;
    retryMs = FIRST_RETRY_MS;
    sendStatus();
  } catch {
    // Readable again perhaps, but not yet writable: the next try follows, with a growing pause.
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    retryLater();
  }
}

function sendStatus(): void {
  const { ledger, sealed } = engine ?? {};
  const damage = [sealed?.damage, engine?.detections.lookup.damage].filter((found) => found !== undefined);
  port.postMessage({
    id: 0,
    state: writable ? 'ready' : 'recovering',
    notes: [...notes, ...damage.map((found) => `history is damaged: ${found}`)],
    position: ledger === undefined ? 0 : ledger.tail.nextPosition - 1,
    devices: ledger?.devices.count ?? 0,
    gauges: {
      commits_total: commits,
      wal_bytes: engine?.walBytes() ?? 0,
      file_bytes: engine?.fileBytes() ?? 0,
      tail_events: ledger?.tail.events ?? 0,
      sealed_runs: sealed?.runs.length ?? 0,
      series: engine?.points.series.count ?? 0,
      tail_points: engine?.points.tail.points ?? 0,
      tail_detections: engine?.detections.log.tail.events ?? 0,
      sealed_detections: engine?.detections.runs.live.reduce((sum, run) => sum + run.detections, 0) ?? 0,
      sealed_points: engine?.points.runs.live.reduce((sum, run) => sum + run.points, 0) ?? 0,
    },
  } satisfies WriterStatus);
}

function unavailable(): PisyncError {
  return new PisyncError('store_unavailable', {
    detail: 'the store failed to write and is being verified; nothing of this request was kept',
    retryAfterMs: Math.max(1_000, retryMs),
  });
}

/** The engine for reading: it may be open while writes still fail. */
function readable(): Engine {
  if (engine === undefined) throw unavailable();
  return engine;
}

/** Runs a write; whatever goes wrong in it voids the engine. */
function write<T>(work: (engine: Engine) => T): T {
  if (engine === undefined || !writable) throw unavailable();
  try {
    inject(engine);
    return work(engine);
  } catch (error) {
    recover(error);
    throw unavailable();
  }
}

/** Test support: makes the next write fail as a full disk or a failing card would make it fail. */
function inject(into: Engine): void {
  const kind = injected;
  injected = undefined;
  if (kind === 'disk_full') into.overfill();
  else if (kind === 'io_error') throw Object.assign(new Error('disk I/O error (injected)'), { errcode: 10 });
}

/** What became of what was given, and where the store stands now. */
export interface CommitAnswer {
  readonly outcomes: CommitOutcomes;
  readonly position: number;
  readonly devices: number;
}

function commit(message: CommitMessage): CommitAnswer {
  const outcomes = write(() => (committer as Committer).commit(message));
  freeBytes(message.records, message.detections, ...message.parcels.map(({ bytes }) => bytes));
  commits += 1;
  const { ledger } = readable();
  const answer = { outcomes, position: ledger.tail.nextPosition - 1, devices: ledger.devices.count };
  housekeeping?.afterCommit();
  return answer;
}

/** Device lists that were asked for since the last commit: a fleet is looked at by many, and by the same few questions. */
const lists = new Map<string, DevicePage>();
let listedAt = '';
const KEPT_LISTS = 64;

function listDevices(query: DeviceQuery): DevicePage {
  const { chunk, ledger } = readable();
  const at = `${generation}:${chunk}`;
  if (listedAt !== at || lists.size >= KEPT_LISTS) lists.clear();
  listedAt = at;
  // The time to judge by matters only where a state is asked for.
  const key = JSON.stringify({ ...query, rule: query.state === undefined ? null : query.rule });
  const kept = lists.get(key);
  if (kept !== undefined) return kept;
  const page = queryDevices(ledger, query);
  lists.set(key, page);
  return page;
}

interface TailQuestion {
  readonly deviceId: string;
  readonly filter: HistoryFilter;
  readonly most: number;
}

const methods = {
  commit(group: CommitMessage): CommitAnswer | Promise<CommitAnswer> {
    const behind = housekeeping?.behind;
    return behind === undefined ? commit(group) : behind.then(() => commit(group));
  },
  tail({ deviceId, filter, most }: TailQuestion): TailAnswer | null {
    const answer = queryTail(readable(), deviceId, filter, most);
    return answer === null ? null : { ...answer, generation };
  },
  device: (deviceId: string) => queryDevice(readable().ledger, deviceId),
  devices: listDevices,
  fleet: ({ rule, from, to }: { rule: StateRule; from: number; to: number }) =>
    queryFleet(readable().ledger, rule, from, to),
  series: (query: SeriesQuery) => querySeries(readable().points, query),
  pointTail: (query: PointTailQuestion): PointTailAnswer | null => {
    const answer = queryPointTail(readable().points, query);
    return answer === null ? null : { ...answer, generation };
  },
  /** Resolves when the networks hold all detections that are committed now, with the number of this opening. */
  async fold(): Promise<number> {
    if (housekeeping === undefined) throw unavailable();
    await housekeeping.foldDetections();
    return generation;
  },
  generation: (): number => {
    readable();
    return generation;
  },
  quarantine: (query: QuarantineQuery) => readable().quarantine.list(query),
  quarantined: (id: number) => readable().quarantine.get(id) ?? null,
  discard: (id: number) => write((open) => open.discard(id)),
  inject(kind: 'disk_full' | 'io_error'): void {
    injected = kind;
  },
  settle: () => housekeeping?.settle(),
  checkpoint: () => readable().checkpoint(),
};

let lock: ReturnType<typeof lockPlace> | undefined;
try {
  lock = lockPlace(path);
  start();
  writable = true;
  answerCalls(port, {
    ...methods,
    async close(): Promise<void> {
      clearTimeout(retry);
      await housekeeping?.stop();
      writable = false;
      try {
        engine?.checkpoint();
      } catch {
        // A full disk keeps the write-ahead log as it is; the next start reads it.
      } finally {
        engine?.close();
        engine = undefined;
        lock?.close();
      }
    },
  });
  setInterval(sendStatus, STATUS_INTERVAL_MS).unref();
  sendStatus();
} catch (error) {
  lock?.close();
  port.postMessage({ id: 0, error: toErrorMessage(error) });
  port.close();
}
