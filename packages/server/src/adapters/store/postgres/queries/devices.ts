import {
  type DeviceRecord,
  type DeviceState,
  deviceStates,
  toDeviceRecord,
} from '../../../../core/device.ts';
import type { PartialRule } from '../../../../core/fold.ts';
import type {
  DevicePage,
  DeviceQuery,
  DeviceSort,
  FleetSummary,
  HourTotals,
  StateRule,
  SyncTotals,
} from '../../../../ports/store.ts';
import { unpackState } from '../commit/device-state.ts';
import { storableText } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { countedFailures } from '../failures/failure-counts.ts';

interface DeviceRowAnswer {
  readonly device_id: string;
  readonly epochs: number;
  readonly state: Buffer;
}

const COLUMNS =
  "device_id, CASE epochs WHEN '' THEN 0 ELSE length(epochs) - length(replace(epochs, E'\\n', '')) + 1 END AS epochs, state";

function toRecord({ device_id, epochs, state }: DeviceRowAnswer, partial: PartialRule): DeviceRecord {
  return toDeviceRecord(device_id, unpackState(state), 0, epochs, partial);
}

export async function findDevice(
  session: Session,
  deviceId: string,
  partial: PartialRule,
): Promise<DeviceRecord | undefined> {
  const [row] = await session.query<DeviceRowAnswer>(`SELECT ${COLUMNS} FROM device WHERE device_id = $1`, [
    deviceId,
  ]);
  return row && toRecord(row, partial);
}

/** The columns that lists sort by, as the indexes have them. */
function sortColumn(sort: DeviceSort, partial: PartialRule): string {
  switch (sort) {
    case 'device_id':
      return 'device_id';
    case 'last_seen':
      return 'last_seen_at';
    case 'consecutive_failures':
      return 'consecutive_failures';
    case 'total_failures':
      return partial === 'failure' ? '(failed + partial)' : 'failed';
    case 'syncs':
      return 'syncs';
  }
}

/** The rule of `deviceState`, as a condition for each state: one that names a column alone can be met by its index. */
function stateConditions({ failingStreak, silentAfterMs, now }: StateRule): Record<DeviceState, string> {
  const failing = `consecutive_failures >= ${whole(failingStreak)}`;
  const silent = `last_seen_at < ${timeOf(now - silentAfterMs)}`;
  const heard = `NOT (${failing}) AND NOT (${silent})`;
  return {
    failing,
    silent: `NOT (${failing}) AND ${silent}`,
    warning: `${heard} AND consecutive_failures > 0`,
    ok: `${heard} AND consecutive_failures = 0`,
  };
}

/** Epoch milliseconds as a time. */
function timeOf(ms: number): string {
  return `(timestamptz 'epoch' + ${whole(ms)}::bigint * interval '1 millisecond')`;
}

/** A number that becomes part of a statement. */
function whole(value: number): string {
  if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is no whole number`);
  return String(value);
}

export async function devicePage(
  session: Session,
  query: DeviceQuery,
  partial: PartialRule,
): Promise<DevicePage> {
  const page = new PageQuestion(query, partial);
  const rows = await page.rows(session);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  const more = rows.length > query.limit && last !== undefined;
  return {
    items: shown.map((row) => toRecord(row, partial)),
    next: more ? { value: last.value, deviceId: last.device_id } : null,
    matching: await page.matching(session, rows.length),
  };
}

type PageRow = DeviceRowAnswer & { readonly value: number };

/** The statements that a page of a list takes. */
class PageQuestion {
  readonly #query: DeviceQuery;
  readonly #partial: PartialRule;
  /** What must hold of all devices that match, on whatever page. */
  readonly #conditions: string[] = [];
  readonly #values: unknown[] = [];
  /** The id that the page begins behind. */
  readonly #after: string | undefined;

  constructor(query: DeviceQuery, partial: PartialRule) {
    const { rule, search, state, moreThan, after } = query;
    this.#query = query;
    this.#partial = partial;
    if (search !== undefined) {
      this.#conditions.push(`position(${this.#text(search.toLowerCase())} IN lower(device_id)) > 0`);
    }
    if (state !== undefined) this.#conditions.push(stateConditions(rule)[state]);
    if (moreThan !== undefined) {
      this.#conditions.push(`${sortColumn(moreThan.measure, partial)} > ${whole(moreThan.count)}`);
    }
    if (after !== undefined) this.#after = this.#text(after.deviceId);
  }

  /** @returns the place of a text among the values of all statements */
  #text(text: string): string {
    return `$${this.#values.push(storableText(text))}`;
  }

  /** The devices of the page, and one more if there is one. */
  async rows(session: Session): Promise<readonly PageRow[]> {
    const { sort, limit, moreThan, after } = this.#query;
    // Those that failed have an index, and most often are enough.
    if (this.#isIndexed && moreThan?.measure !== sort && (after === undefined || after.value > 0)) {
      const rows = await session.query<PageRow>(this.#page([`${this.#column} > 0`]), this.#values);
      if (rows.length > limit) return rows;
    }
    return session.query<PageRow>(this.#page([]), this.#values);
  }

  get #column(): string {
    return sortColumn(this.#query.sort, this.#partial);
  }

  /** Whether the order is that of an index of those that failed. */
  get #isIndexed(): boolean {
    const { sort, descending } = this.#query;
    const always = this.#partial === 'failure';
    return descending && (sort === 'consecutive_failures' || (sort === 'total_failures' && always));
  }

  /** Only of the devices that are shown more is read and worked out than they are chosen by. */
  #page(more: readonly string[]): string {
    const direction = this.#query.descending ? 'DESC' : 'ASC';
    return `SELECT ${COLUMNS}, value FROM (${this.#chosen(more, direction)}) AS page ORDER BY value ${direction}, device_id ${
      this.#query.sort === 'device_id' ? direction : ''
    } LIMIT ${this.#most}`;
  }

  #chosen(more: readonly string[], direction: string): string {
    const { sort, after, descending } = this.#query;
    const beyond = descending ? '<' : '>';
    if (sort === 'device_id') return this.#chosenById(direction, beyond);
    const column = this.#column;
    const what = `device_id, epochs, state, ${column} AS value`;
    const order = `${column} ${direction}, device_id`;
    if (after === undefined) return this.#select(what, more, order);
    // Nothing was seen before 1970, and no time is before the year -4712.
    const least = sort === 'last_seen' ? timeOf(Math.max(-1, after.value)) : whole(after.value);
    const same = `${column} = ${least} AND device_id > ${this.#after}`;
    const others = `${column} ${beyond} ${least}`;
    if (!this.#isIndexed) return this.#select(what, [`(${others}) OR (${same})`], order);
    // Two stretches of the index, instead of all that the first of them begins with.
    const [first, rest] = [
      this.#select(what, [...more, same], 'device_id'),
      this.#select(what, [...more, others], order),
    ];
    return `(${first}) UNION ALL (${rest})`;
  }

  #chosenById(direction: string, beyond: string): string {
    const order = `device_id ${direction}`;
    const behind = this.#after === undefined ? [] : [`device_id ${beyond} ${this.#after}`];
    const what = 'device_id, epochs, state, 0 AS value';
    if (this.#query.search === undefined || this.#conditions.length > 1)
      return this.#select(what, behind, order);
    // Ids are read from their index alone.
    return `SELECT ${what} FROM device WHERE device_id IN (${this.#select('device_id', behind, order)})`;
  }

  #select(what: string, more: readonly string[], order: string): string {
    const where = whereOf([...this.#conditions, ...more]);
    return `SELECT ${what} FROM device ${where} ORDER BY ${order} LIMIT ${this.#most}`;
  }

  get #most(): string {
    return whole(this.#query.limit + 1);
  }

  /**
   * How many devices match on all pages.
   *
   * @param found - rows of the page
   */
  async matching(session: Session, found: number): Promise<number> {
    const { search, state, moreThan, after, limit } = this.#query;
    if (after === undefined && found <= limit) return found;
    if (moreThan !== undefined && search === undefined && state === undefined) {
      const { measure, count } = moreThan;
      const kept = await countedFailures(session, measure, count, this.#partial);
      if (kept !== undefined) return kept;
    }
    const [counted] = await session.query<{ matching: number }>(
      `SELECT count(*) AS matching FROM device ${whereOf(this.#conditions)}`,
      search === undefined ? [] : this.#values.slice(0, 1),
    );
    return counted?.matching ?? 0;
  }
}

function whereOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `WHERE ${conditions.map((one) => `(${one})`).join(' AND ')}`;
}

const SUMS = ['syncs', 'partial', 'failed', 'files', 'errors', 'bytes'] as const;

type SumRow = Readonly<Record<(typeof SUMS)[number], number>>;

export async function fleetSummary(
  session: Session,
  rule: StateRule,
  from: number,
  to: number,
): Promise<FleetSummary> {
  const conditions = stateConditions(rule);
  const [counted] = await session.query<Readonly<Record<DeviceState, number>>>(
    `SELECT ${deviceStates.map((state) => `count(*) FILTER (WHERE ${conditions[state]}) AS ${state}`).join(', ')} FROM device`,
  );
  const states = counted as Record<DeviceState, number>;
  const hours = await session.query<SumRow & { hour: number }>(
    `SELECT hour, ${SUMS.join(', ')} FROM sync_hour
     WHERE hour >= timestamptz 'epoch' + $1::bigint * interval '1 millisecond'
       AND hour < timestamptz 'epoch' + $2::bigint * interval '1 millisecond' ORDER BY hour`,
    [from, to],
  );
  // Each sum stays at 2^53 - 1, as those of core/totals.ts do.
  const sums = SUMS.map(
    (name) => `LEAST(coalesce(sum(${name}), 0), ${Number.MAX_SAFE_INTEGER})::bigint AS ${name}`,
  );
  const [totals] = await session.query<SumRow>(`SELECT ${sums.join(', ')} FROM sync_hour`);
  return {
    devices: Object.values(states).reduce((sum, devices) => sum + devices, 0),
    states,
    hours: hours.map((row): HourTotals => ({ hour: row.hour, ...toTotals(row) })),
    totals: toTotals(totals as SumRow),
  };
}

function toTotals({ syncs, partial, failed, files, errors, bytes }: SumRow): SyncTotals {
  return { syncs, success: syncs - partial - failed, partial, failed, files, errors, bytes };
}
