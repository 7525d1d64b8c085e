import type { CopiedPoints, StoreSnapshot } from '../../../../ports/store-copy.ts';
import type { SeriesRecord } from '../../../../ports/telemetry-store.ts';
import { numberArray, storableText, textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { layoutOf } from '../schema/layout/find-layout.ts';
import { dayOf, prepareDays } from '../telemetry/point-days.ts';
import { addPoint, POINT_COLUMNS } from '../telemetry/point-rows.ts';
import { nameOf } from '../telemetry/series-name.ts';
import { toTime, valueText } from '../telemetry/series-rows.ts';
import { copyIn } from '../wire/copy-in.ts';
import { CopyRows } from '../wire/copy-rows.ts';

const NUMBER = 0;
const BOOLEAN = 1;
const TEXT = 2;

/** Removes all points. Within a transaction. */
export async function forgetPoints(session: Session): Promise<void> {
  await session.query('TRUNCATE point');
  if ((await layoutOf(session)).kind === 'hypertables') await session.query('TRUNCATE point_summed');
}

/**
 * Writes points. Within a transaction.
 *
 * @param isNew - none of them is there yet; else those of the same time are replaced
 */
export async function writeCopiedPoints(
  session: Session,
  parts: readonly CopiedPoints[],
  isNew: boolean,
): Promise<void> {
  await prepareDays(session, daysOf(parts));
  const rows = new CopyRows();
  for (const { series, points } of parts) {
    const { count, times, values, kinds, texts } = points;
    for (let at = 0; at < count; at++) {
      const kind = kinds[at] as number;
      const value = values[at] as number;
      const text = kind === TEXT ? storableText(texts[value] as string) : null;
      addPoint(rows, series, times[at] as number, value, kind, text);
    }
  }
  if (isNew) {
    await copyIn(session, `point (${POINT_COLUMNS})`, rows.end());
    return;
  }
  await session.query('CREATE TEMPORARY TABLE changed_point (LIKE point INCLUDING DEFAULTS) ON COMMIT DROP');
  await copyIn(session, `pg_temp.changed_point (${POINT_COLUMNS})`, rows.end());
  await session.query(
    `INSERT INTO point (${POINT_COLUMNS}) SELECT ${POINT_COLUMNS} FROM pg_temp.changed_point
     ON CONFLICT (series, time) DO UPDATE SET value = excluded.value, kind = excluded.kind, text = excluded.text`,
  );
}

function daysOf(parts: readonly CopiedPoints[]): ReadonlySet<number> {
  const days = new Set<number>();
  for (const { points } of parts) {
    for (let at = 0; at < points.count; at++) days.add(dayOf(points.times[at] as number));
  }
  return days;
}

/** Writes all series, in the place of those that are there. Within a transaction. */
export async function writeSeries(session: Session, snapshot: StoreSnapshot): Promise<void> {
  await session.query('DELETE FROM series');
  for await (const series of snapshot.series()) {
    await session.query(ADD_SERIES, [
      numberArray(series.map(({ number }) => number)),
      textArray(series.map(({ name }) => nameOf(name))),
      textArray(series.map(({ name }) => name.deviceId)),
      textArray(series.map(({ name }) => storableText(name.key))),
      numberArray(series.map(({ time }) => time)),
      textArray(series.map(({ value }) => (typeof value === 'string' ? null : valueText(Number(value))))),
      numberArray(series.map(({ value }) => kindOf(value))),
      textArray(series.map(({ value }) => (typeof value === 'string' ? storableText(value) : null))),
      numberArray(series.map(({ kinds }) => kinds)),
    ]);
  }
}

function kindOf(value: SeriesRecord['value']): number {
  if (typeof value === 'string') return TEXT;
  return typeof value === 'boolean' ? BOOLEAN : NUMBER;
}

const ADD_SERIES = `
  INSERT INTO series (number, name, device_id, key, newest_time, newest_value, newest_kind, newest_text, kinds)
  SELECT number, name, device_id, key, ${toTime('time')}, value, kind, text, kinds
  FROM unnest($1::int[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::float8[], $7::smallint[], $8::text[],
    $9::smallint[]) AS t (number, name, device_id, key, time, value, kind, text, kinds)`;
