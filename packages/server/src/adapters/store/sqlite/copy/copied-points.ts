import type { DatabaseSync } from 'node:sqlite';
import { parseJson } from '@pisync/protocol';
import type { CopiedPoints } from '../../../../ports/store-copy.ts';
import type { SeriesRecord } from '../../../../ports/telemetry-store.ts';
import { seriesEnd } from '../../sealed/points/point-columns.ts';
import { mergePoints } from '../../sealed/points/point-merge.ts';
import type { PointLog } from '../points/point-log.ts';
import { livePointRuns } from '../points/point-run.ts';
import { ColumnsCursor, RunCursor } from '../points/run-cursor.ts';
import { TailStretch } from '../points/tail-stretch.ts';

const TEXT = 2;
const SERIES_AT_ONCE = 1_000;

export async function* copiedSeries({ series }: PointLog): AsyncGenerator<readonly SeriesRecord[]> {
  for (let from = 0; from < series.count; from += SERIES_AT_ONCE) {
    const length = Math.min(SERIES_AT_ONCE, series.count - from);
    yield Array.from({ length }, (_, at) => {
      const number = from + at;
      return { name: series.name(number), number, ...series.latest(number) };
    });
  }
}

/** The runs that there are: none of them ever changes, so that what is not in them is in another run, or in the log. */
export function pointsMark(db: DatabaseSync): string {
  return JSON.stringify(livePointRuns(db).map(({ id }) => id));
}

/**
 * The points of a store by series and time; holds one block of each run. A run that was made by merging holds old points as well
 * as new ones.
 */
export async function* copiedPoints(
  db: DatabaseSync,
  log: PointLog,
  since: string | null,
): AsyncGenerator<CopiedPoints> {
  const { series: table, tail } = log;
  const known = new Set(since === null ? [] : (parseJson(since) as number[]));
  const stretch = new TailStretch(tail, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  for (let number = 0; number < table.count; number++) stretch.add(number, table.heads[number] as number);
  const runs = livePointRuns(db).filter(({ id }) => !known.has(id));
  const cursors = [...runs.map(({ id }) => new RunCursor(db, id)), new ColumnsCursor(stretch.points())];
  for (const { columns, from, to } of mergePoints(cursors, { replaced: 0 })) {
    for (let at = from; at < to; ) {
      const end = seriesEnd(columns.series, at, to);
      const kinds = columns.kinds.slice(at, end);
      const values = columns.values.slice(at, end);
      const texts: string[] = [];
      // Only the texts of this part, numbered anew.
      for (let place = 0; place < kinds.length; place++) {
        if (kinds[place] !== TEXT) continue;
        values[place] = texts.push(columns.texts[values[place] as number] as string) - 1;
      }
      const points = { count: end - at, times: columns.times.slice(at, end), values, kinds, texts };
      yield { series: columns.series[at] as number, points };
      at = end;
    }
  }
}
