import { numberArray, storableText, textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import type { GatheredPoints, GatheredSeries } from './gather-points.ts';

/** What is known of a series before a commit. */
export interface SeriesRow {
  readonly number: number;
  /** Time of its newest point, in microseconds since the epoch. */
  readonly newest: number;
  readonly kinds: number;
}

/** Microseconds since the epoch of a column, exact. */
export const microseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

/** The time of a column of microseconds. The product is one of doubles, which is exact for every time of a point. */
export const toTime = (column: string) => `timestamptz 'epoch' + ${column} * interval '1 microsecond'`;

/** Series that exist, by name. */
export async function findSeries(
  session: Session,
  names: Iterable<string>,
): Promise<ReadonlyMap<string, SeriesRow>> {
  const rows = await session.query<SeriesRow & { name: string }>(
    `SELECT name, number, kinds, ${microseconds('newest_time')} AS newest FROM series WHERE name = ANY($1::uuid[])`,
    [textArray(names)],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

/** A series whose points are written, and what it was before; null for a new one. */
export interface WrittenSeries extends GatheredSeries {
  readonly number: number;
  readonly before: SeriesRow | null;
}

const TEXT = 2;

/** A number as an array has it: zero keeps its sign. */
export function valueText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Adds the new series, and notes the newest points of all. */
export async function writeSeries(
  session: Session,
  series: readonly WrittenSeries[],
  points: GatheredPoints,
): Promise<void> {
  const added = series.filter(({ before }) => before === null);
  if (added.length > 0) {
    await session.query(ADD_SERIES, [
      ...newestColumns(added, points),
      textArray(added.map(({ name }) => name)),
      textArray(added.map((one) => one.series.deviceId)),
      textArray(added.map((one) => storableText(one.series.key))),
    ]);
  }
  const changed = series.filter(
    (one) => one.before !== null && (isNewer(one, points) || (one.kinds & ~one.before.kinds) !== 0),
  );
  if (changed.length > 0) await session.query(CHANGE_SERIES, newestColumns(changed, points));
}

/** Also where the time is that of the newest point so far: it is replaced. */
function isNewer({ before, to }: WrittenSeries, { times }: GatheredPoints): boolean {
  return before === null || (times[to - 1] as number) >= before.newest;
}

/** Number, kinds, time, value, kind, text; no time where the newest point stays as it was. */
function newestColumns(series: readonly WrittenSeries[], points: GatheredPoints): string[] {
  const { times, values, kinds, texts } = points;
  const newest = series.map((one) => (isNewer(one, points) ? one.to - 1 : null));
  const kindOf = (at: number | null) => (at === null ? null : (kinds[at] as number));
  return [
    numberArray(series.map(({ number }) => number)),
    numberArray(series.map((one) => one.kinds | (one.before?.kinds ?? 0))),
    numberArray(newest.map((at) => (at === null ? null : (times[at] as number)))),
    textArray(
      newest.map((at) => (at === null || kindOf(at) === TEXT ? null : valueText(values[at] as number))),
    ),
    numberArray(newest.map(kindOf)),
    textArray(
      newest.map((at) =>
        at !== null && kindOf(at) === TEXT ? storableText(texts[values[at] as number] as string) : null,
      ),
    ),
  ];
}

const NEWEST = '$1::int[], $2::smallint[], $3::bigint[], $4::float8[], $5::smallint[], $6::text[]';

const ADD_SERIES = `
  INSERT INTO series (number, name, device_id, key, newest_time, newest_value, newest_kind, newest_text, kinds)
  SELECT number, name, device_id, key, ${toTime('time')}, value, kind, text, kinds
  FROM unnest(${NEWEST}, $7::uuid[], $8::text[], $9::text[])
    AS t (number, kinds, time, value, kind, text, name, device_id, key)`;

const CHANGE_SERIES = `
  UPDATE series SET kinds = t.kinds,
    newest_time = coalesce(${toTime('t.time')}, newest_time),
    newest_value = CASE WHEN t.time IS NULL THEN newest_value ELSE t.value END,
    newest_kind = coalesce(t.kind, newest_kind),
    newest_text = CASE WHEN t.time IS NULL THEN newest_text ELSE t.text END
  FROM unnest(${NEWEST}) AS t (number, kinds, time, value, kind, text)
  WHERE series.number = t.number`;
