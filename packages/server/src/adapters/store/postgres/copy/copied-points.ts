import { PisyncError, parseJson } from '@pisync/protocol';
import type { CopiedPoints } from '../../../../ports/store-copy.ts';
import type { SeriesRecord } from '../../../../ports/telemetry-store.ts';
import type { Session } from '../connection/session.ts';
import { findLayout } from '../schema/layout/find-layout.ts';
import { GrowingColumns } from '../telemetry/growing-columns.ts';
import { ChangedChunks, refuseChangedChunks } from '../telemetry/hypertables/one-state.ts';
import { POINT_COLUMNS, PointRowReader } from '../telemetry/point-rows.ts';
import { holdPoints, type Stretch } from '../telemetry/point-scan.ts';
import { readFirst } from '../telemetry/sealing/merged-points.ts';
import { seriesPage } from '../telemetry/series-page.ts';
import { copyOut } from '../wire/copy-out.ts';
import { microsecondsLiteral } from '../wire/literals.ts';

/** Microseconds. */
const DAY = 86_400_000_000;
const POINTS_AT_ONCE = 100_000;
const SERIES_AT_ONCE = 1_000;

/** What changes with every commit that writes points, and which days it wrote to. */
interface PointsMark {
  readonly commits: number;
  readonly days: Readonly<Record<string, number>>;
}

export async function* copiedSeries(session: Session): AsyncGenerator<readonly SeriesRecord[]> {
  for (let after: number | undefined; ; ) {
    const { items, next } = await seriesPage(session, { limit: SERIES_AT_ONCE, after });
    yield items;
    if (next === null) return;
    after = next;
  }
}

export async function readPointsMark(session: Session): Promise<string> {
  const [row] = await session.query<{ commits: number | null }>(
    'SELECT sum(commit)::bigint AS commits FROM writer',
  );
  const days = await session.query<{ day: number; commits: number }>('SELECT day, commits FROM point_day');
  const mark: PointsMark = {
    commits: row?.commits ?? 0,
    days: Object.fromEntries(days.map(({ day, commits }) => [day, commits])),
  };
  return JSON.stringify(mark);
}

/**
 * The points of a store, stretch of time by stretch: by series and time. Where days were packed into blocks, series by series,
 * which takes a question for each.
 *
 * @throws {PisyncError} `store_unavailable` at the end, where TimescaleDB has packed a chunk meanwhile and not all may have been
 *   seen as it was
 */
export async function* copiedPoints(
  session: Session,
  now: string,
  since: string | null,
): AsyncGenerator<CopiedPoints> {
  await holdPoints(session);
  for (const stretch of await changedStretches(session, now, since)) {
    if (await isPacked(session, stretch)) yield* seriesBySeries(session, stretch);
    else yield* rowsOf(session, stretch);
  }
  try {
    await refuseChangedChunks(session);
  } catch (error) {
    if (!(error instanceof ChangedChunks)) throw error;
    throw new PisyncError('store_unavailable', {
      detail: 'TimescaleDB has packed telemetry while it was copied. Run the same command again.',
      cause: error,
    });
  }
}

async function isPacked(session: Session, { from, to }: Stretch): Promise<boolean> {
  const rows = await session.query(
    'SELECT FROM point_block WHERE time_to >= $1::bigint AND time_from < $2::bigint LIMIT 1',
    [from, to],
  );
  return rows.length > 0;
}

async function* seriesBySeries(session: Session, stretch: Stretch): AsyncGenerator<CopiedPoints> {
  for await (const series of copiedSeries(session)) {
    for (const { number, kinds } of series) {
      let { from } = stretch;
      for (;;) {
        const found = await readFirst(session, { number, kinds }, { from, to: stretch.to }, POINTS_AT_ONCE);
        const points = found.columns();
        if (points.count > 0) yield { series: number, points };
        if (points.count < POINTS_AT_ONCE) break;
        from = (points.times[points.count - 1] as number) + 1;
      }
    }
  }
}

async function* rowsOf(session: Session, { from, to }: Stretch): AsyncGenerator<CopiedPoints> {
  const lower = from > EVER.from ? `time >= ${microsecondsLiteral(from)} AND ` : '';
  const upper = to < EVER.to ? `time < ${microsecondsLiteral(to)} AND ` : '';
  let place = `(-1, timestamptz '-infinity')`;
  // Told twice: the columnstore skips other series by this.
  let last = -1;
  for (;;) {
    const found = new SeriesParts();
    const reader = new PointRowReader({ series: true, kinds: true }, (series, time, value, kind, text) =>
      found.add(series, time, value, kind, text),
    );
    await copyOut(
      session,
      `SELECT ${POINT_COLUMNS} FROM point WHERE ${lower}${upper}series >= ${last} AND (series, time) > ${place}
       ORDER BY series, time LIMIT ${POINTS_AT_ONCE}`,
      reader,
    );
    if (!reader.ended) throw new TypeError('the database sent points without an end');
    yield* found.parts();
    if (found.count < POINTS_AT_ONCE) return;
    place = `(${found.series}, ${microsecondsLiteral(found.time)})`;
    last = found.series;
  }
}

/** What holds every point. */
const EVER: Stretch = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };

/** Stretches of time that hold all points that are not as they were. */
async function changedStretches(
  session: Session,
  now: string,
  since: string | null,
): Promise<readonly Stretch[]> {
  const { kind } = await findLayout(session);
  const after = parseJson(now) as PointsMark;
  if (since === null) {
    // Chunk by chunk: in the columnstore, what lies behind a series and time is found by unpacking what lies before it.
    return kind === 'hypertables' ? Object.keys(after.days).map(Number).map(dayStretch) : [EVER];
  }
  const before = parseJson(since) as PointsMark;
  if (before.commits === after.commits) return [];
  const stretches: Stretch[] = [];
  for (const [day, commits] of Object.entries(after.days)) {
    if (before.days[day] !== commits) stretches.push(dayStretch(Number(day)));
  }
  // There every day is counted.
  if (kind === 'hypertables') return stretches;
  // Of days without a table of their own nothing is counted.
  const [bounds] = await session.query<{ past: number; future: number }>(
    'SELECT past, future FROM point_bounds WHERE id = 1',
  );
  if (bounds === undefined) throw new TypeError('the table point_bounds has no row');
  stretches.push({ ...EVER, to: bounds.past * DAY }, { ...EVER, from: bounds.future * DAY });
  return stretches;
}

function dayStretch(day: number): Stretch {
  return { from: day * DAY, to: (day + 1) * DAY };
}

/** Points as they come, cut where another series begins. */
class SeriesParts {
  count = 0;
  /** Of the newest point. */
  series = -1;
  time = 0;
  readonly #parts: { readonly series: number; readonly columns: GrowingColumns }[] = [];

  add(series: number, time: number, value: number, kind: number, text: string | null): void {
    let last = this.#parts.at(-1);
    if (last?.series !== series) {
      last = { series, columns: new GrowingColumns() };
      this.#parts.push(last);
    }
    last.columns.add(time, value, kind, text);
    this.count += 1;
    this.series = series;
    this.time = time;
  }

  parts(): readonly CopiedPoints[] {
    return this.#parts.map(({ series, columns }) => ({ series, points: columns.columns() }));
  }
}
