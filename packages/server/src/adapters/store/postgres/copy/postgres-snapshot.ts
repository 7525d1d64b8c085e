import type pg from 'pg';
import type { PositionSet } from '../../../../core/copy/position-set.ts';
import type { PartialRule } from '../../../../core/fold.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type { HourTotals, QuarantinedItem } from '../../../../ports/store.ts';
import type {
  CopiedDevice,
  CopiedEvent,
  CopiedPoints,
  CopiedQuarantine,
  StoreHeads,
  StoreSnapshot,
} from '../../../../ports/store-copy.ts';
import type { SeriesRecord } from '../../../../ports/telemetry-store.ts';
import { EVENT_FIELDS, readEvent } from '../commit/event-rows.ts';
import type { Database } from '../connection/database.ts';
import { toPisyncError } from '../connection/database-error.ts';
import { type Session, sessionOf } from '../connection/session.ts';
import { quarantinePage } from '../queries/quarantine.ts';
import { readRows } from '../wire/read-rows.ts';
import { copiedDetections } from './copied-detections.ts';
import { copiedDevices } from './copied-devices.ts';
import { copiedPoints, copiedSeries, readPointsMark } from './copied-points.ts';

/** Positions and pages of the table that are read in one go. */
const POSITIONS_AT_ONCE = 25_000;
const PAGES_AT_ONCE = 512;
const ITEMS_AT_ONCE = 100;

/** With fewer events than this share to come, they are looked up by position; else all are read, as they lie. */
const FEW = 0.25;

/** What a snapshot is opened with. */
interface Counters extends StoreHeads {
  readonly partial: PartialRule | null;
}

/** What differs for a store that is being filled: its counters are not set yet. */
interface SnapshotOptions {
  /** Position of its newest event. */
  readonly position?: number;
  /** Called when the snapshot was closed. */
  readonly close?: () => Promise<void>;
}

/** Begins a transaction that sees one state; it ends when the snapshot is closed. */
export async function openSnapshot(
  database: Database,
  client: pg.Client,
  { position, close = async () => {} }: SnapshotOptions = {},
): Promise<StoreSnapshot> {
  try {
    // The reader may wait for its target for long.
    await client.query(
      `${database.begin('read')}; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`,
    );
    const session = sessionOf(client);
    const [row] = await session.query<Counters>(
      `SELECT position, detection_ordinal AS ordinal, series, partial, (SELECT count(*) FROM device) AS devices
       FROM store WHERE id = 1`,
    );
    if (row === undefined) throw new TypeError('the store has no row');
    const counters = { ...row, position: position ?? row.position };
    return new PostgresSnapshot(session, counters, await readPointsMark(session), close);
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    await close();
    throw toPisyncError(error);
  }
}

class PostgresSnapshot implements StoreSnapshot {
  readonly heads: StoreHeads;
  readonly partial: PartialRule | null;
  readonly pointsMark: string;
  readonly #session: Session;

  readonly #close: () => Promise<void>;

  constructor(
    session: Session,
    { partial, ...heads }: Counters,
    pointsMark: string,
    close: () => Promise<void>,
  ) {
    this.pointsMark = pointsMark;
    this.#close = close;
    this.#session = session;
    this.partial = partial;
    this.heads = heads;
  }

  /** The limit is not needed: the next pass reads only what has come since. */
  async *events(known: PositionSet): AsyncGenerator<readonly CopiedEvent[]> {
    const { position } = this.heads;
    const missing = position - known.size;
    const pages = missing > position * FEW ? await this.#pages() : [];
    const parts = pages.length > 0 ? pages : positionParts(known.contiguous, position);
    // One part is read while the one before is used.
    let next = this.#read(parts[0]);
    for (let at = 0; at < parts.length; at++) {
      const events = await next;
      next = this.#read(parts[at + 1]);
      next.catch(() => {});
      yield events.filter((event) => !known.has(event.position));
    }
    await next;
  }

  async #read(part: string | undefined): Promise<readonly CopiedEvent[]> {
    const events: CopiedEvent[] = [];
    if (part === undefined) return events;
    await readRows(this.#session, `SELECT ${EVENT_FIELDS} FROM ${part}`, (row) => {
      events.push(readEvent(row));
    });
    return events;
  }

  /**
   * The tables of all months by stretches of pages: read from beginning to end, without an index. None where they are
   * no partitions of PostgreSQL's own.
   */
  async #pages(): Promise<readonly string[]> {
    const tables = await this.#session.query<{ name: string; pages: number }>(
      `SELECT relid::regclass::text AS name, pg_relation_size(relid) / current_setting('block_size')::bigint AS pages
       FROM pg_partition_tree('sync_event') WHERE isleaf AND level > 0`,
    );
    return tables.flatMap(({ name, pages }) =>
      Array.from({ length: Math.ceil(pages / PAGES_AT_ONCE) }, (_, at) => {
        const from = at * PAGES_AT_ONCE;
        return `${name} WHERE ctid >= '(${from},0)' AND ctid < '(${from + PAGES_AT_ONCE},0)'`;
      }),
    );
  }

  devices(): AsyncGenerator<readonly CopiedDevice[]> {
    return copiedDevices(this.#session);
  }

  async hours(): Promise<readonly HourTotals[]> {
    const rows = await this.#session.query<Omit<HourTotals, 'success'>>(
      'SELECT hour, syncs, partial, failed, files, errors, bytes FROM sync_hour ORDER BY hour',
    );
    return rows.map((row) => ({ ...row, success: row.syncs - row.partial - row.failed }));
  }

  async quarantine(): Promise<CopiedQuarantine> {
    const [row] = await this.#session.query<{ last: number | null }>(
      "SELECT pg_sequence_last_value(pg_get_serial_sequence('quarantine', 'id')::regclass) AS last",
    );
    return { lastId: row?.last ?? 0, items: this.#quarantined() };
  }

  async *#quarantined(): AsyncGenerator<QuarantinedItem> {
    for (let before: number | undefined; ; ) {
      const { items, next } = await quarantinePage(this.#session, { limit: ITEMS_AT_ONCE, before });
      yield* items;
      if (next === null) return;
      before = next;
    }
  }

  series(): AsyncGenerator<readonly SeriesRecord[]> {
    return copiedSeries(this.#session);
  }

  points(since: string | null): AsyncGenerator<CopiedPoints> {
    return copiedPoints(this.#session, this.pointsMark, since);
  }

  detections(after: number): AsyncGenerator<readonly StoredDetection[]> {
    return copiedDetections(this.#session, after, this.heads.ordinal);
  }

  async close(): Promise<void> {
    await this.#session.query('COMMIT');
    await this.#close();
  }
}

function positionParts(after: number, upTo: number): string[] {
  const parts: string[] = [];
  for (let from = after; from < upTo; from += POSITIONS_AT_ONCE) {
    const to = Math.min(from + POSITIONS_AT_ONCE, upTo);
    parts.push(`sync_event WHERE position > ${from} AND position <= ${to}`);
  }
  return parts;
}
