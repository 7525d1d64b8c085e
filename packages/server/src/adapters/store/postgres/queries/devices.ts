import { type DeviceRecord, type DeviceState, toDeviceRecord } from '../../../../core/device.ts';
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

/** The columns that lists sort by, all of them whole numbers; a device id is compared by its code units. */
function sortColumn(sort: DeviceSort, partial: PartialRule): string {
  switch (sort) {
    case 'device_id':
      return '0::bigint';
    case 'last_seen':
      return '(extract(epoch FROM last_seen_at) * 1000)::bigint';
    case 'consecutive_failures':
      return 'consecutive_failures';
    case 'total_failures':
      return partial === 'failure' ? '(failed + partial)' : 'failed';
    case 'syncs':
      return 'syncs';
  }
}

/** The rule of `deviceState`, with `streak`, `silentAt` and `now` as whole numbers. */
function stateColumn({ failingStreak, silentAfterMs, now }: StateRule): string {
  const heard = `timestamptz 'epoch' + ${whole(now - silentAfterMs)}::bigint * interval '1 millisecond'`;
  return `CASE WHEN consecutive_failures >= ${whole(failingStreak)} THEN 'failing' WHEN last_seen_at < ${heard} THEN 'silent'
    WHEN consecutive_failures > 0 THEN 'warning' ELSE 'ok' END`;
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
  const { rule, search, state, moreThan, sort, descending, limit, after } = query;
  const conditions: string[] = [];
  const values: unknown[] = [];
  if (search !== undefined) {
    values.push(storableText(search.toLowerCase()));
    conditions.push(`position($${values.length} IN lower(device_id)) > 0`);
  }
  if (state !== undefined) conditions.push(`(${stateColumn(rule)}) = '${state}'`);
  if (moreThan !== undefined) {
    conditions.push(`${sortColumn(moreThan.measure, partial)} > ${whole(moreThan.count)}`);
  }
  const where = (all: readonly string[]) => (all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`);
  const [counted] = await session.query<{ matching: number }>(
    `SELECT count(*) AS matching FROM device ${where(conditions)}`,
    values,
  );
  const value = sortColumn(sort, partial);
  const [direction, beyond] = descending ? ['DESC', '<'] : ['ASC', '>'];
  if (after !== undefined) {
    values.push(storableText(after.deviceId));
    const id = `$${values.length}`;
    if (sort === 'device_id') conditions.push(`device_id ${beyond} ${id}`);
    else {
      const least = whole(after.value);
      conditions.push(`(${value} ${beyond} ${least} OR (${value} = ${least} AND device_id > ${id}))`);
    }
  }
  const order = sort === 'device_id' ? `device_id ${direction}` : `${value} ${direction}, device_id`;
  const rows = await session.query<DeviceRowAnswer & { value: number }>(
    `SELECT ${COLUMNS}, ${value} AS value FROM device ${where(conditions)} ORDER BY ${order} LIMIT ${whole(limit + 1)}`,
    values,
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map((row) => toRecord(row, partial)),
    next: rows.length > limit && last !== undefined ? { value: last.value, deviceId: last.device_id } : null,
    matching: counted?.matching ?? 0,
  };
}

const SUMS = ['syncs', 'partial', 'failed', 'files', 'errors', 'bytes'] as const;

type SumRow = Readonly<Record<(typeof SUMS)[number], number>>;

export async function fleetSummary(
  session: Session,
  rule: StateRule,
  from: number,
  to: number,
): Promise<FleetSummary> {
  const counted = await session.query<{ state: DeviceState; devices: number }>(
    `SELECT ${stateColumn(rule)} AS state, count(*) AS devices FROM device GROUP BY 1`,
  );
  const states: Record<DeviceState, number> = { failing: 0, silent: 0, warning: 0, ok: 0 };
  for (const { state, devices } of counted) states[state] = devices;
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
    devices: counted.reduce((sum, { devices }) => sum + devices, 0),
    states,
    hours: hours.map((row): HourTotals => ({ hour: row.hour, ...toTotals(row) })),
    totals: toTotals(totals as SumRow),
  };
}

function toTotals({ syncs, partial, failed, files, errors, bytes }: SumRow): SyncTotals {
  return { syncs, success: syncs - partial - failed, partial, failed, files, errors, bytes };
}
