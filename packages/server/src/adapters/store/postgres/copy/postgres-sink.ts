import type pg from 'pg';
import { PositionSet } from '../../../../core/copy/position-set.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type {
  CopiedEvent,
  DetectionSink,
  PointSink,
  StoreSink,
  StoreSnapshot,
} from '../../../../ports/store-copy.ts';
import { EVENT_TABLE, eventRows } from '../commit/event-rows.ts';
import { type Claim, detectionClaim, eventClaim, IDENTITY_TABLE } from '../commit/identities.ts';
import { Database, usualDatabaseOptions } from '../connection/database.ts';
import { toPisyncError } from '../connection/database-error.ts';
import { checkServer, connectError } from '../connection/server-check.ts';
import { type Session, sessionOf } from '../connection/session.ts';
import { writeDetections } from '../detections/write-detections.ts';
import { migrate } from '../schema/migrate.ts';
import { PartitionTable } from '../schema/partitions.ts';
import { copyIn } from '../wire/copy-in.ts';
import { CopyRows } from '../wire/copy-rows.ts';
import { readRows } from '../wire/read-rows.ts';
import { dropIndexes, makeNextIndex } from './late-indexes.ts';
import { MigrationMark } from './migration-mark.ts';
import { openSnapshot } from './postgres-snapshot.ts';
import { forgetPoints, writeCopiedPoints } from './write-points.ts';
import { writeRest } from './write-rest.ts';

/** Name of the mark of {@link PointSink.end}. */
const POINTS = 'points';
/** Name of the mark of {@link PostgresSink.finish}. */
const FINISHED = 'finished';

/**
 * Opens an empty store in a PostgreSQL database to fill it, making its tables where needed, or one that was being filled from
 * the same source.
 *
 * @param from - the source for people; it is noted in the target
 * @throws {PisyncError} `invalid_config` for a place that holds something else; what `openPostgresStore` throws
 */
export async function openPostgresSink(url: string, from: string): Promise<StoreSink> {
  const database = new Database(url, usualDatabaseOptions);
  let client: pg.Client | undefined;
  try {
    client = await database.connect();
    await checkServer(client, database.place);
    await migrate(client, database);
    const sink = new PostgresSink(database, client);
    await sink.begin(from);
    return sink;
  } catch (error) {
    await client?.end().catch(() => {});
    await database.close();
    throw connectError(error, database.place);
  }
}

class PostgresSink implements StoreSink {
  readonly shown: string;
  readonly detections: DetectionSink = {
    newest: () => this.#newestDetection(),
    add: (detections) => this.#addDetections(detections),
  };
  readonly points: PointSink = {
    mark: () => this.#pointsMark(),
    begin: () => this.#beginPoints(),
    add: (points) =>
      this.#transaction(() => writeCopiedPoints(this.#session, points, this.#pointsAreNew), 'bulk'),
    end: (mark) => this.#transaction(() => this.#mark.set(POINTS, mark)),
  };
  readonly #database: Database;
  readonly #client: pg.Client;
  readonly #session: Session;
  readonly #mark: MigrationMark;
  readonly #partitions: PartitionTable;
  #pointsAreNew = false;
  /** The transaction that is under way while the next events are prepared. */
  #running: Promise<void> = Promise.resolve();

  constructor(database: Database, client: pg.Client) {
    this.shown = database.place.shown;
    this.#database = database;
    this.#client = client;
    this.#session = sessionOf(client);
    this.#mark = new MigrationMark(this.#session);
    this.#partitions = new PartitionTable(database);
  }

  async begin(from: string): Promise<void> {
    await this.#transaction(async () => {
      const goesOn = await this.#mark.begin(this.#database.place, from);
      if (!goesOn) await dropIndexes(this.#session, this.#mark);
    });
  }

  async #transaction(work: () => Promise<void>, mode: 'bulk' | 'flushed' = 'flushed'): Promise<void> {
    const client = this.#client;
    try {
      // What a crash of the server takes back is not in the target then, and is copied again.
      const flush = mode === 'bulk' ? '; SET LOCAL synchronous_commit = off' : '';
      await client.query(`${this.#database.begin('write')}; SET LOCAL statement_timeout = 0${flush}`);
      await work();
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      throw toPisyncError(error);
    }
  }

  async positions(): Promise<PositionSet> {
    const positions = new PositionSet();
    await this.#transaction(() =>
      readRows(this.#session, 'SELECT position FROM sync_event', (row) =>
        positions.add(row.bigint() as number),
      ),
    );
    return positions;
  }

  async addEvents(events: readonly CopiedEvent[]): Promise<void> {
    if (events.length === 0) return;
    const rows = eventRows(events);
    const claims = claimRows(events, eventClaim);
    await this.#running;
    this.#running = this.#write(events, rows, claims);
    // Told by the next call.
    this.#running.catch(() => {});
  }

  async #write(events: readonly CopiedEvent[], rows: CopyRows, claims: CopyRows): Promise<void> {
    const group = { observations: events, rejected: [] };
    await this.#partitions.ensure([{ group, events: [], detections: [], counted: [] }], this.#client);
    await this.#transaction(async () => {
      await copyIn(this.#session, EVENT_TABLE, rows.end());
      if (claims.count > 0) await copyIn(this.#session, IDENTITY_TABLE, claims.end());
    }, 'bulk');
  }

  /** On a connection of its own, so that it can be read while indexes are made. */
  async readBack(position: number): Promise<StoreSnapshot> {
    await this.#running;
    const client = await this.#database.connect();
    return openSnapshot(this.#database, client, { position, close: () => client.end() });
  }

  flush(): Promise<void> {
    return this.#running;
  }

  async #newestDetection(): Promise<number> {
    let ordinal = 0;
    await this.#transaction(async () => {
      const [row] = await this.#session.query<{ newest: number | null }>(
        'SELECT max(ordinal) AS newest FROM detection',
      );
      ordinal = row?.newest ?? 0;
    });
    return ordinal;
  }

  async #addDetections(detections: readonly StoredDetection[]): Promise<void> {
    await this.#running;
    const group = { observations: [], rejected: [], detections };
    await this.#partitions.ensure([{ group, events: [], detections: [], counted: [] }], this.#client);
    const claims = claimRows(detections, detectionClaim);
    await this.#transaction(async () => {
      await writeDetections(this.#session, detections);
      if (claims.count > 0) await copyIn(this.#session, IDENTITY_TABLE, claims.end());
    });
  }

  async #pointsMark(): Promise<string | null> {
    let mark: string | undefined;
    await this.#transaction(async () => {
      mark = await this.#mark.get(POINTS);
    });
    return mark ?? null;
  }

  async #beginPoints(): Promise<void> {
    await this.#running;
    this.#pointsAreNew = (await this.#pointsMark()) === null;
    if (!this.#pointsAreNew) return;
    await this.#transaction(async () => {
      await forgetPoints(this.#session);
    });
  }

  async settle(): Promise<void> {
    await this.#running;
    let made = 0;
    for (let more = true; more; made += more ? 1 : 0) {
      await this.#transaction(async () => {
        more = await makeNextIndex(this.#session, this.#mark);
      });
    }
    if (made === 0) return;
    // Counts of what is new are read from the indexes alone only behind it.
    const { schema } = this.#database.place;
    await this.#client.query(`VACUUM (ANALYZE) "${schema}".sync_event, "${schema}".identity`);
  }

  async finish(snapshot: StoreSnapshot): Promise<void> {
    await this.settle();
    await this.#transaction(async () => {
      const isFirst = (await this.#mark.get(FINISHED)) === undefined;
      await writeRest(this.#session, snapshot, isFirst);
      await this.#mark.set(FINISHED, 'true');
    });
  }

  async finished(): Promise<StoreSnapshot> {
    const client = await this.#database.connect();
    return openSnapshot(this.#database, client, { close: () => client.end() });
  }

  async publish(): Promise<void> {
    await this.#transaction(async () => {
      await this.#session.query('ANALYZE device, quarantine, series, point, detection');
      await this.#mark.end();
    });
  }

  async close(): Promise<void> {
    await this.#running.catch(() => {});
    await this.#client.end().catch(() => {});
    await this.#database.close();
  }
}

function claimRows<T>(items: readonly T[], claimOf: (item: T) => Claim | null): CopyRows {
  const rows = new CopyRows();
  for (const item of items) {
    const claim = claimOf(item);
    if (claim === null) continue;
    rows.row(2);
    rows.uuid(claim.key);
    rows.uuid(claim.body);
  }
  return rows;
}
