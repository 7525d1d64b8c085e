import { numberArray } from '../../connection/arrays.ts';
import type { Database } from '../../connection/database.ts';
import type { Session } from '../../connection/session.ts';
import type { Hypertables } from '../../schema/layout/layout.ts';
import { microsecondsLiteral } from '../../wire/literals.ts';
import { DAY } from '../point-days.ts';

/** Days `[from, to)`, as days since 1970. */
export interface DayRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Days whose sums of hours and days stand for their points in the state of the session: nothing was written into them since they
 * were refreshed, and no policy drops them yet.
 */
export async function summedDays(session: Session, { from, to }: DayRange): Promise<readonly DayRange[]> {
  const rows = await session.query<{ day: number }>(
    `SELECT day FROM point_summed JOIN point_day USING (day, commits) WHERE day >= $1::int AND day < $2::int
       AND NOT EXISTS (SELECT FROM policy WHERE name = 'telemetry_retention'
         AND CASE value WHEN 'off' THEN false ELSE day <= floor(extract(epoch FROM now()) / 86400) - value::int END)
     ORDER BY day`,
    [from, to],
  );
  return rangesOf(rows);
}

/** @param most - days of a range */
function rangesOf(
  rows: readonly { readonly day: number }[],
  most = Number.POSITIVE_INFINITY,
): readonly DayRange[] {
  const ranges: { from: number; to: number }[] = [];
  for (const { day } of rows) {
    const last = ranges.at(-1);
    if (last?.to === day && day - last.from < most) last.to = day + 1;
    else ranges.push({ from: day, to: day + 1 });
  }
  return ranges;
}

/**
 * Brings the sums of days up to date that points came for since, and notes it. Killed at any moment, it leaves days that are not
 * noted: those are done again, and questions read their points.
 *
 * @param before - the first day that is left out, as days since 1970
 * @returns what was done, for people
 */
export async function sumUpDays(
  database: Database,
  { functions }: Hypertables,
  before: number,
): Promise<readonly string[]> {
  const days = await database.read((session) =>
    session.query<{ day: number; commits: number }>(
      `SELECT day, d.commits FROM point_day d LEFT JOIN point_summed s USING (day)
       WHERE day < $1::int AND s.commits IS DISTINCT FROM d.commits ORDER BY day`,
      [before],
    ),
  );
  const done: string[] = [];
  for (const { from, to } of rangesOf(days, DAYS_AT_ONCE)) {
    await refresh(database, functions, { from, to });
    const own = days.filter(({ day }) => day >= from && day < to);
    await database.write((session) =>
      session.query(NOTE, [
        numberArray(own.map(({ day }) => day)),
        numberArray(own.map(({ commits }) => commits)),
      ]),
    );
    done.push(`${dayText(from)} to ${dayText(to - 1)}`);
  }
  return done;
}

/** What was done is noted after so many days. */
const DAYS_AT_ONCE = 10;

/** The numbers of commits are those from before the refresh: whatever came later makes a day be done again. */
const NOTE = `INSERT INTO point_summed (day, commits) SELECT * FROM unnest($1::int[], $2::bigint[])
  ON CONFLICT (day) DO UPDATE SET commits = excluded.commits`;

function dayText(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}

/** It makes transactions of its own, and so must not run in one. Hours first: days are made of them. */
async function refresh(database: Database, functions: string, { from, to }: DayRange): Promise<void> {
  const client = await database.connect();
  try {
    for (const view of ['telemetry_hour', 'telemetry_day']) {
      const place = `"${database.place.schema}".${view}`;
      const stretch = `${microsecondsLiteral(from * DAY)}, ${microsecondsLiteral(to * DAY)}`;
      await client.query(`CALL ${functions}.refresh_continuous_aggregate('${place}', ${stretch})`);
    }
  } finally {
    await client.end().catch(() => {});
  }
}
