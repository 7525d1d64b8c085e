import type { DatabaseSync } from 'node:sqlite';
import { pointKinds } from '@pisync/protocol';
import type { CopiedPoints, StoreSnapshot } from '../../../../ports/store-copy.ts';
import { seriesBytes } from '../points/point-parcel.ts';
import { PointRuns } from '../points/point-run.ts';
import { sealPoints } from '../points/point-seal.ts';
import type { TailPoints } from '../points/point-tail.ts';
import { packSeriesPage, SeriesTable } from '../points/series-table.ts';

const TEXT = 2;
/** Key in `meta` of the last log row that is sealed: of these runs each stands for one. */
const SEALED = 'points_sealed';

function setMeta(db: DatabaseSync, key: string, value: number): void {
  db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(key, value);
}

/** Writes points as a run behind those that are there. Within a transaction. */
export function writePointRun(db: DatabaseSync, parts: readonly CopiedPoints[]): void {
  const points = joined(parts);
  if (points.count === 0) return;
  const runs = new PointRuns(db);
  const run = runs.begin();
  const lastChunk = Math.max(0, ...runs.live.map((one) => one.lastChunk)) + 1;
  for (const { blocks, rollups, finished } of sealPoints({ run, points, lastChunk })) {
    runs.putBlocks(run, blocks);
    runs.putRollups(run, rollups);
    if (finished !== null) runs.activate(finished);
  }
  setMeta(db, SEALED, lastChunk);
}

function joined(parts: readonly CopiedPoints[]): TailPoints {
  const count = parts.reduce((sum, { points }) => sum + points.count, 0);
  const all = {
    count,
    series: new Int32Array(count),
    times: new Float64Array(count),
    values: new Float64Array(count),
    kinds: new Uint8Array(count),
    texts: [] as string[],
  };
  let at = 0;
  for (const { series, points } of parts) {
    for (let place = 0; place < points.count; place++, at++) {
      const kind = points.kinds[place] as number;
      const value = points.values[place] as number;
      all.series[at] = series;
      all.times[at] = points.times[place] as number;
      all.kinds[at] = kind;
      all.values[at] = kind === TEXT ? all.texts.push(points.texts[value] as string) - 1 : value;
    }
  }
  return all;
}

/** Takes all points away. Within a transaction. */
export function clearPoints(db: DatabaseSync): void {
  db.exec('DELETE FROM point_run; DELETE FROM point_block; DELETE FROM point_rollup');
  db.prepare('DELETE FROM meta WHERE key = ?').run(SEALED);
}

/** Writes the pages of all series. Within a transaction. */
export async function writeSeries(db: DatabaseSync, snapshot: StoreSnapshot): Promise<void> {
  const table = new SeriesTable();
  for await (const records of snapshot.series()) {
    for (const { name, time, value, kinds } of records) {
      const bytes = Buffer.from(seriesBytes(name.deviceId, name.key));
      const series = table.intern(bytes, 0, bytes.length);
      if (typeof value === 'string') table.note(series, time, 0, TEXT, [value]);
      else table.note(series, time, Number(value), typeof value === 'boolean' ? 1 : 0, []);
      // Kinds of points that were replaced: noted at a time before all others, they are no newest point.
      for (const kind of pointKinds.keys()) {
        if ((kinds & (1 << kind)) !== 0) table.note(series, Number.NEGATIVE_INFINITY, 0, kind, []);
      }
    }
  }
  const put = db.prepare('INSERT OR REPLACE INTO series_page (page, data) VALUES (?, ?)');
  for (const { page, data } of table.takePages()) put.run(page, packSeriesPage(data));
}
