import { type CommitOutcome, PisyncError } from '@pisync/protocol';
import type { DetectionStore } from '../../../ports/detection-store.ts';
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
import type { TelemetryStore } from '../../../ports/telemetry-store.ts';
import { CommitQueue } from './commit/commit-queue.ts';
import { CommitWriter } from './commit/commit-writer.ts';
import {
  Database,
  type DatabaseOptions,
  type ReadKind,
  usualDatabaseOptions,
} from './connection/database.ts';
import { storeGauges } from './connection/gauges.ts';
import { checkServer, connectError } from './connection/server-check.ts';
import { type Session, sessionOf } from './connection/session.ts';
import { refuseUnfinished } from './copy/migration-mark.ts';
import { detectionReads } from './detections/detection-reads.ts';
import { verifyDetections } from './detections/verify-detections.ts';
import { devicePage, findDevice, fleetSummary } from './queries/devices.ts';
import { deviceStatistics, historyPage } from './queries/history.ts';
import { discardItem, quarantinedItem, quarantinePage } from './queries/quarantine.ts';
import { verifyEvents } from './queries/verify.ts';
import { checkLayout } from './schema/layout/find-layout.ts';
import { migrate } from './schema/migrate.ts';
import { PartitionTable } from './schema/partitions.ts';
import { adoptPolicy } from './schema/policy.ts';
import { PolicyRounds } from './schema/policy-rounds.ts';
import { packAllChunks } from './telemetry/hypertables/pack-chunks.ts';
import { PackedPoints } from './telemetry/sealing/packed-points.ts';
import { telemetryReads } from './telemetry/telemetry-reads.ts';

/** The PostgreSQL store with what its own tests need. */
export interface PostgresStore extends Store {
  /** Packs all telemetry there is; changes no answer. */
  settle(): Promise<void>;
  /** Makes the next commit fail as a full disk or a failing one of the server would. For tests. */
  injectFault(kind: 'disk_full' | 'io_error'): void;
}

/**
 * Opens the store in a PostgreSQL database, making its schema and tables where needed. Any number of processes may have it
 * open at once.
 *
 * @param url - `postgres://user:password@host:port/database?schema=pisync`
 * @throws {PisyncError} `invalid_config` that names the fix for a URL, a server or a right that will not do; `store_newer`;
 *   `store_unsafe` for a server that does not flush; `store_unavailable`
 */
export async function openPostgresStore(
  url: string,
  policy: StorePolicy,
  options: DatabaseOptions = usualDatabaseOptions,
): Promise<PostgresStore> {
  const database = new Database(url, options);
  try {
    const client = await database.connect();
    let notes: readonly string[];
    try {
      await checkServer(client, database.place);
      await refuseUnfinished(sessionOf(client), database.place);
      notes = await migrate(client, database);
      await database.read((session) => checkLayout(session));
      await adoptPolicy(client, database, policy.partial);
    } finally {
      await client.end();
    }
    const found = await database.read(counts);
    const writer = new CommitWriter(database, new PartitionTable(database), policy.partial);
    if (options.readUrls.length > 0) {
      await database.write((session) => session.query(NOTE_WRITER, [writer.mark.writer]));
      await database.useReplicas(writer.mark);
    }
    return new DatabaseStore(database, writer, policy, { ...found, notes });
  } catch (error) {
    await database.close();
    throw connectError(error, database.place);
  }
}

/** A replica that shows this row shows all that was committed before. */
const NOTE_WRITER = 'INSERT INTO writer (id, commit, at) VALUES ($1::uuid, 0, now())';

interface Counts {
  readonly position: number;
  readonly devices: number;
}

/** What a store was opened with. */
interface Found extends Counts {
  /** What is left to `pisync store migrate`. */
  readonly notes: readonly string[];
}

async function counts(session: Session): Promise<Counts> {
  const [row] = await session.query<Counts>(
    'SELECT position, (SELECT count(*) FROM device) AS devices FROM store WHERE id = 1',
  );
  if (row === undefined) throw new PisyncError('store_damaged', { detail: 'the table store has no row' });
  return row;
}

/** Days since 1970 behind all that a point may be of. */
const LAST_DAY = 999_999;

/** Items of a page for people; whoever asks for more is exporting. */
const PAGE = 1_000;

/** SQLSTATE of the failures that a test asks for. */
const faultCodes = { disk_full: '53100', io_error: '58030' } as const;

class DatabaseStore implements PostgresStore {
  readonly supports = { durable: true, exclusive: false };
  readonly telemetry: TelemetryStore;
  readonly detections: DetectionStore;
  readonly #database: Database;
  readonly #policy: StorePolicy;
  readonly #writer: CommitWriter;
  readonly #queue: CommitQueue;
  readonly #notes: readonly string[];
  readonly #packed: PackedPoints;
  readonly #rounds: PolicyRounds;
  #position: number;
  #devices: number;
  #closing: Promise<void> | undefined;

  constructor(database: Database, writer: CommitWriter, policy: StorePolicy, found: Found) {
    this.#database = database;
    this.#writer = writer;
    this.#policy = policy;
    this.#position = found.position;
    this.#devices = found.devices;
    this.#notes = found.notes;
    this.#packed = new PackedPoints(database);
    this.#rounds = new PolicyRounds(database, this.#packed);
    this.#queue = new CommitQueue(writer, (answer) => {
      database.committed(answer.mark);
      this.#position = answer.position;
      this.#devices += answer.addedDevices;
    });
    const telemetry = (kind: ReadKind) => telemetryReads((question) => this.#read(question, kind));
    const detections = (kind: ReadKind) => detectionReads((question) => this.#read(question, kind));
    const [points, pointReports] = [telemetry('query'), telemetry('report')];
    this.telemetry = {
      ...points,
      range: (query) => (query.limit > PAGE ? pointReports : points).range(query),
      aggregate: pointReports.aggregate,
      downsample: pointReports.downsample,
    };
    const [records, reports] = [detections('query'), detections('report')];
    this.detections = {
      ...records,
      list: (query) => (query.limit > PAGE ? reports : records).list(query),
      grid: reports.grid,
      networkGrid: reports.networkGrid,
      namesakes: reports.namesakes,
    };
  }

  async #read<T>(question: (session: Session) => Promise<T>, kind: ReadKind = 'query'): Promise<T> {
    if (this.#closing !== undefined) throw new PisyncError('store_closed');
    return this.#database.readAnywhere(question, kind);
  }

  /** Where nothing that was written beside the commits, such as a discarded item, may be missing. */
  async #readPrimary<T>(question: (session: Session) => Promise<T>, kind?: ReadKind): Promise<T> {
    if (this.#closing !== undefined) throw new PisyncError('store_closed');
    return this.#database.read(question, kind);
  }

  commit(group: CommitGroup): Promise<readonly CommitOutcome[]> {
    if (this.#closing !== undefined) return Promise.reject(new PisyncError('store_closed'));
    return this.#queue.add(group);
  }

  history(query: HistoryQuery): Promise<HistoryPage | undefined> {
    return this.#read((session) => historyPage(session, query));
  }

  device(deviceId: string): Promise<DeviceRecord | undefined> {
    return this.#read((session) => findDevice(session, deviceId, this.#policy.partial));
  }

  devices(query: DeviceQuery): Promise<DevicePage> {
    return this.#read((session) => devicePage(session, query, this.#policy.partial));
  }

  fleet(rule: StateRule, from: number, to: number): Promise<FleetSummary> {
    return this.#read((session) => fleetSummary(session, rule, from, to));
  }

  statistics(deviceId: string, from: number, to: number): Promise<DeviceStatistics | undefined> {
    return this.#read((session) => deviceStatistics(session, deviceId, from, to), 'report');
  }

  quarantine(query: QuarantineQuery): Promise<QuarantinePage> {
    return this.#readPrimary((session) => quarantinePage(session, query));
  }

  quarantined(id: number): Promise<QuarantinedItem | undefined> {
    return this.#readPrimary((session) => quarantinedItem(session, id));
  }

  async discard(id: number): Promise<boolean> {
    if (this.#closing !== undefined) throw new PisyncError('store_closed');
    return this.#database.write((session) => discardItem(session, id));
  }

  status(): StoreStatus {
    const working = this.#writer.recovering ? 'recovering' : 'ready';
    return {
      state: this.#closing === undefined ? working : 'closed',
      notes: [...this.#notes, ...(this.#database.replicas?.notes ?? []), ...this.#rounds.notes],
      position: this.#position,
      devices: this.#devices,
      waiting: this.#queue.waiting,
      gauges: storeGauges(this.#database),
    };
  }

  verify(): Promise<readonly Finding[]> {
    return this.#readPrimary(async (session) => {
      // It takes as long as there is data.
      await session.query('SET LOCAL statement_timeout = 0');
      const events = await verifyEvents(session, this.#policy.partial);
      return [...events, ...(await verifyDetections(session))];
    }, 'report');
  }

  async settle(): Promise<void> {
    if (this.#closing !== undefined) throw new PisyncError('store_closed');
    if (!(await packAllChunks(this.#database))) await this.#packed.sealPoints(LAST_DAY);
  }

  injectFault(kind: 'disk_full' | 'io_error'): void {
    this.#writer.failNext(Object.assign(new Error(`injected: ${kind}`), { code: faultCodes[kind] }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#queue.drain();
    await this.#rounds.close();
    await this.#writer.close();
    await this.#database.close();
  }
}
