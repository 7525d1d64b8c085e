import type { DatabaseSync } from 'node:sqlite';
import type { PositionSet } from '../../../../core/copy/position-set.ts';
import type { PartialRule } from '../../../../core/fold.ts';
import { F, SYNC_STATE_LENGTH } from '../../../../core/sync-state.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type { HourTotals } from '../../../../ports/store.ts';
import type {
  CopiedDevice,
  CopiedEvent,
  CopiedPoints,
  CopiedQuarantine,
  StoreHeads,
  StoreSnapshot,
} from '../../../../ports/store-copy.ts';
import type { SeriesRecord } from '../../../../ports/telemetry-store.ts';
import type { DetectionEngine } from '../detections/detection-engine.ts';
import { RecordView } from '../format/record.ts';
import type { PointLog } from '../points/point-log.ts';
import type { Ledger } from '../state/ledger.ts';
import { loadDetections, loadLedger, loadPoints } from '../state/load.ts';
import { QuarantineTable } from '../state/quarantine.ts';
import { type Run, runRows, SealedHistory } from '../state/sealed-history.ts';
import { SealedIdentities } from '../state/sealed-identities.ts';
import { copiedDetections } from './copied-detections.ts';
import { copiedPoints, copiedSeries, pointsMark } from './copied-points.ts';
import { toCopiedEvent } from './event-runs.ts';

/** Events and devices that are handed over in one go. */
const EVENTS_AT_ONCE = 25_000;
const DEVICES_AT_ONCE = 1_000;
const ITEMS_AT_ONCE = 100;

/** For each set of known positions the runs that are wholly in it: a run never changes, and need not be read again. */
export type ReadRuns = WeakMap<PositionSet, Set<number>>;

/** One committed state of a store in a file: a read transaction from the beginning to {@link close}. */
export class SqliteSnapshot implements StoreSnapshot {
  readonly heads: StoreHeads;
  readonly partial: PartialRule | null;
  readonly #db: DatabaseSync;
  readonly #ledger: Ledger;
  readonly #runs: readonly Run[];
  readonly #points: PointLog;
  readonly #detections: DetectionEngine;
  readonly #read: ReadRuns;

  readonly #close: () => void;

  /** @param close - called when the snapshot was closed */
  constructor(db: DatabaseSync, read: ReadRuns, close = () => {}) {
    this.#close = close;
    this.#db = db;
    this.#read = read;
    db.exec('BEGIN');
    try {
      this.partial = policyOf(db);
      const sealed = new SealedIdentities(new SealedHistory(db));
      // Under the policy of the store nothing is folded again.
      this.#ledger = loadLedger(db, sealed, this.partial ?? 'failure').ledger;
      this.#runs = sealed.runs;
      this.#points = loadPoints(db);
      this.#detections = loadDetections(db);
    } catch (error) {
      db.exec('ROLLBACK');
      close();
      throw error;
    }
    this.heads = {
      position: this.#ledger.tail.nextPosition - 1,
      ordinal: this.#detections.log.tail.nextOrdinal - 1,
      series: this.#points.series.count,
      devices: this.#ledger.devices.count,
    };
  }

  /** The tail first, then run by run; may end behind each. */
  async *events(known: PositionSet, limit: number): AsyncGenerator<readonly CopiedEvent[]> {
    const read = this.#read.get(known) ?? new Set<number>();
    this.#read.set(known, read);
    let given = 0;
    for (const batch of inBatches(this.#tailEvents(known), EVENTS_AT_ONCE)) {
      given += batch.length;
      yield batch;
    }
    for (const run of this.#runs) {
      if (read.has(run.id)) continue;
      if (given >= limit) return;
      for (const batch of inBatches(this.#runEvents(run, known), EVENTS_AT_ONCE)) {
        given += batch.length;
        yield batch;
      }
      read.add(run.id);
    }
  }

  *#tailEvents(known: PositionSet): Generator<CopiedEvent> {
    const { devices, tail } = this.#ledger;
    const view = new RecordView();
    for (let device = 0; device < devices.count; device++) {
      const deviceId = devices.id(device);
      const found: CopiedEvent[] = [];
      tail.walk(devices.head(device), view, (position) => {
        if (!known.has(position)) found.push(eventOf(view, deviceId, position));
        return true;
      });
      yield* found;
    }
  }

  *#runEvents(run: Run, known: PositionSet): Generator<CopiedEvent> {
    const { devices } = this.#ledger;
    let device = -1;
    let deviceId = '';
    let epochs: readonly string[] = [];
    for (const row of runRows(this.#db, run.id)) {
      if (row.device !== device) {
        device = row.device;
        deviceId = devices.id(device);
        epochs = devices.epochs(device).map(({ name }) => name);
      }
      if (known.has(row.position)) continue;
      yield toCopiedEvent(row, deviceId, epochs);
    }
  }

  async *devices(): AsyncGenerator<readonly CopiedDevice[]> {
    const { devices } = this.#ledger;
    let batch: CopiedDevice[] = [];
    for (let device = 0; device < devices.count; device++) {
      const base = devices.base(device);
      const state = devices.rows(device).slice(base, base + SYNC_STATE_LENGTH);
      const epochs = devices.epochs(device);
      const others = (state[F.otherNumbers] as number) > 0;
      batch.push({
        deviceId: devices.id(device),
        state,
        epochs: epochs.map(({ name }) => name),
        numbers: others ? epochs.map(({ seen }) => [...seen]) : [],
      });
      if (batch.length < DEVICES_AT_ONCE) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  async hours(): Promise<readonly HourTotals[]> {
    return this.#ledger.hours.between(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  async quarantine(): Promise<CopiedQuarantine> {
    const row = this.#db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'quarantine'").get();
    const lastId = (row as { seq: number } | undefined)?.seq ?? 0;
    return { lastId, items: this.#quarantined() };
  }

  async *#quarantined(): AsyncGenerator<Awaited<ReturnType<QuarantineTable['get']>> & object> {
    const table = new QuarantineTable(this.#db);
    for (let before: number | undefined; ; ) {
      const { items, next } = table.list({ limit: ITEMS_AT_ONCE, before });
      yield* items;
      if (next === null) return;
      before = next;
    }
  }

  get pointsMark(): string {
    return pointsMark(this.#db);
  }

  series(): AsyncGenerator<readonly SeriesRecord[]> {
    return copiedSeries(this.#points);
  }

  points(since: string | null): AsyncGenerator<CopiedPoints> {
    return copiedPoints(this.#db, this.#points, since);
  }

  detections(after: number): AsyncGenerator<readonly StoredDetection[]> {
    return copiedDetections(this.#db, this.#detections, after);
  }

  async close(): Promise<void> {
    if (this.#db.isTransaction) this.#db.exec('COMMIT');
    this.#close();
  }
}

function policyOf(db: DatabaseSync): PartialRule | null {
  const row = db.prepare("SELECT value FROM meta WHERE key = 'partial'").get();
  return (row as { value: PartialRule } | undefined)?.value ?? null;
}

/** What the view holds now, as an object of its own. */
function eventOf(view: RecordView, deviceId: string, position: number): CopiedEvent {
  return {
    kind: 'sync_event',
    deviceId,
    epoch: view.epoch,
    seq: view.seq,
    eventId: view.eventId,
    deviceTime: view.deviceTime,
    sentAt: view.sentAt,
    totalFilesSynced: view.totalFilesSynced,
    totalErrors: view.totalErrors,
    internetSpeed: view.internetSpeed,
    syncDurationMs: view.syncDurationMs,
    bytesSynced: view.bytesSynced,
    metadata: view.metadata,
    receivedAt: view.receivedAt,
    timestamp: view.timestamp,
    clockQuality: view.clockQuality,
    position,
    epochIndex: view.epochIndex,
    tie: view.tie,
  };
}

function* inBatches<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
