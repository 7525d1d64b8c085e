import { resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { PositionSet } from '../../../../core/copy/position-set.ts';
import type {
  CopiedEvent,
  DetectionSink,
  PointSink,
  StoreSink,
  StoreSnapshot,
} from '../../../../ports/store-copy.ts';
import { lockPlace, openReader, openWriter } from '../format/connection.ts';
import { runRows, SealedHistory } from '../state/sealed-history.ts';
import { CopiedDeviceTable } from './copied-device-table.ts';
import { newestOrdinal, writeDetectionRun } from './detection-runs.ts';
import { eventsOfRuns, writeRun } from './event-runs.ts';
import { clearPoints, writePointRun } from './point-runs.ts';
import { SqliteSnapshot } from './sqlite-snapshot.ts';
import { markPoints, markTarget, pointsMarkOf, unmarkTarget } from './target-mark.ts';
import { writeRest } from './write-rest.ts';

/** Events of one run: kept in memory until there are so many, or a flush is asked for. */
const RUN_EVENTS = 262_144;

/**
 * Opens an empty store at `path` to fill it, making it and its folder where needed, or one that was being filled from the same
 * source. No server may have it open.
 *
 * @param from - the source for people; it is noted in the target
 * @throws {PisyncError} `invalid_config` for a place that holds something else; `store_locked`; `store_newer`; `store_unsafe`
 */
export function openSqliteSink(path: string, from: string): StoreSink {
  const place = resolve(path);
  const lock = lockPlace(place);
  try {
    const db = openWriter(place);
    try {
      transaction(db, () => markTarget(db, place, from));
      return new SqliteSink(place, db, lock);
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    lock.close();
    throw error;
  }
}

function transaction(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

class SqliteSink implements StoreSink {
  readonly shown: string;
  readonly detections: DetectionSink = {
    newest: async () => newestOrdinal(this.#db),
    add: async (detections) => this.#write(() => writeDetectionRun(this.#db, detections)),
  };
  readonly points: PointSink = {
    mark: async () => pointsMarkOf(this.#db),
    begin: async () => {
      if (pointsMarkOf(this.#db) === null) this.#write(() => clearPoints(this.#db));
    },
    add: async (points) => this.#write(() => writePointRun(this.#db, points)),
    end: async (mark) => this.#write(() => markPoints(this.#db, mark)),
  };
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #lock: DatabaseSync;
  readonly #devices: CopiedDeviceTable;
  #waiting: CopiedEvent[] = [];

  constructor(path: string, db: DatabaseSync, lock: DatabaseSync) {
    this.#path = path;
    this.shown = `sqlite:${path}`;
    this.#db = db;
    this.#lock = lock;
    this.#devices = new CopiedDeviceTable(db);
  }

  async positions(): Promise<PositionSet> {
    const positions = new PositionSet();
    for (const { id } of new SealedHistory(this.#db).liveRuns())
      for (const { position } of runRows(this.#db, id)) positions.add(position);
    return positions;
  }

  async readBack(position: number): Promise<StoreSnapshot> {
    const db = openReader(this.#path);
    const devices = this.#devices.all;
    return {
      heads: { position, ordinal: 0, series: 0, devices: devices.length },
      partial: null,
      events: async function* (known) {
        yield* eventsOfRuns(db, devices, known);
      },
      devices: async function* () {},
      hours: async () => [],
      quarantine: async () => ({ lastId: 0, items: (async function* () {})() }),
      series: async function* () {},
      pointsMark: '',
      points: async function* () {},
      detections: async function* () {},
      close: async () => db.close(),
    };
  }

  async addEvents(events: readonly CopiedEvent[]): Promise<void> {
    for (const event of events) this.#waiting.push(event);
    if (this.#waiting.length >= RUN_EVENTS) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    this.#write(() => writeRun(this.#db, this.#devices, this.#waiting));
    this.#waiting = [];
  }

  #write(work: () => void): void {
    transaction(this.#db, work);
    this.#checkpoint();
  }

  /** Nobody else does it: a log that is never copied into the file grows without end. */
  #checkpoint(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  async settle(): Promise<void> {
    await this.flush();
  }

  async finish(snapshot: StoreSnapshot): Promise<void> {
    await this.flush();
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      await writeRest(this.#db, this.#devices, snapshot);
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
    this.#checkpoint();
  }

  async finished(): Promise<StoreSnapshot> {
    const db = openReader(this.#path);
    return new SqliteSnapshot(db, new WeakMap(), () => db.close());
  }

  async publish(): Promise<void> {
    this.#write(() => unmarkTarget(this.#db));
  }

  async close(): Promise<void> {
    this.#db.close();
    this.#lock.close();
  }
}
