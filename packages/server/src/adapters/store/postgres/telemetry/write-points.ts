import { numberArray, storableText, textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { copyIn } from '../wire/copy-in.ts';
import { CopyRows } from '../wire/copy-rows.ts';
import { type GatheredPoints, gatherPoints, type PointPart } from './gather-points.ts';
import { dayOf, prepareDays } from './point-days.ts';
import { addPoint, POINT_COLUMNS } from './point-rows.ts';
import { findSeries, toTime, valueText, type WrittenSeries, writeSeries } from './series-rows.ts';

export type { PointPart } from './gather-points.ts';

/** Fewer points than this are not worth a COPY. */
const COPY_POINTS = 50;

const TEXT = 2;

/**
 * Writes points in their order; the store is locked.
 *
 * A point later than the newest of its series is new for certain: such points are copied straight into their table. For the
 * others the table is asked whether they replace one.
 *
 * @param series - how many series there are
 * @returns how many there are afterwards
 */
export async function writePoints(
  session: Session,
  parts: readonly PointPart[],
  series: number,
): Promise<number> {
  const points = gatherPoints(parts);
  if (points.series.length === 0) return series;
  const known = await findSeries(
    session,
    points.series.map(({ name }) => name),
  );
  let count = series;
  const written = points.series.map((one): WrittenSeries => {
    const before = known.get(one.name) ?? null;
    return { ...one, before, number: before === null ? count++ : before.number };
  });
  await prepareDays(session, daysOf(points));
  const rest = new Rest();
  const total = written.reduce((sum, { from, to }) => sum + to - from, 0);
  if (total < COPY_POINTS) for (const one of written) rest.add(points, one.number, one.from, one.to);
  else await copyNew(session, points, written, rest);
  await rest.write(session);
  await writeSeries(session, written, points);
  return count;
}

function daysOf({ series, times }: GatheredPoints): ReadonlySet<number> {
  const days = new Set<number>();
  let last = Number.NaN;
  for (const { from, to } of series) {
    for (let at = from; at < to; at++) {
      const day = dayOf(times[at] as number);
      if (day !== last) days.add(day);
      last = day;
    }
  }
  return days;
}

async function copyNew(
  session: Session,
  points: GatheredPoints,
  series: readonly WrittenSeries[],
  rest: Rest,
): Promise<void> {
  const { times, values, kinds, texts } = points;
  const rows = new CopyRows();
  for (const { number, from, to, before } of series) {
    let at = from;
    if (before !== null) while (at < to && (times[at] as number) <= before.newest) at += 1;
    rest.add(points, number, from, at);
    for (; at < to; at++) {
      const value = values[at] as number;
      const kind = kinds[at] as number;
      const text = kind === TEXT ? storableText(texts[value] as string) : null;
      addPoint(rows, number, times[at] as number, value, kind, text);
    }
  }
  if (rows.count > 0) await copyIn(session, `point (${POINT_COLUMNS})`, rows.end());
}

/** Points that may replace others. */
class Rest {
  readonly #series: number[] = [];
  readonly #times: number[] = [];
  readonly #values: (string | null)[] = [];
  readonly #kinds: number[] = [];
  readonly #texts: (string | null)[] = [];

  add({ times, values, kinds, texts }: GatheredPoints, series: number, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const value = values[at] as number;
      const isText = kinds[at] === TEXT;
      this.#series.push(series);
      this.#times.push(times[at] as number);
      this.#values.push(isText ? null : valueText(value));
      this.#kinds.push(kinds[at] as number);
      this.#texts.push(isText ? storableText(texts[value] as string) : null);
    }
  }

  async write(session: Session): Promise<void> {
    if (this.#series.length === 0) return;
    await session.query(WRITE_REST, [
      numberArray(this.#series),
      numberArray(this.#times),
      textArray(this.#values),
      numberArray(this.#kinds),
      textArray(this.#texts),
    ]);
  }
}

const WRITE_REST = `
  INSERT INTO point (series, time, value, kind, text)
  SELECT series, ${toTime('time')}, value, kind, text
  FROM unnest($1::int[], $2::bigint[], $3::float8[], $4::smallint[], $5::text[]) AS t (series, time, value, kind, text)
  ON CONFLICT (series, time) DO UPDATE SET value = excluded.value, kind = excluded.kind, text = excluded.text`;
