import {
  mergePointRuns,
  type PointBlocks,
  sealPoints,
} from '../../../../src/adapters/store/sqlite/points/point-seal.ts';
import { packSeriesPage } from '../../../../src/adapters/store/sqlite/points/series-table.ts';
import type { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';

/** As {@link sealSteps}, for telemetry: one write to disk at a time. */
export function* pointSealSteps(engine: Engine, atLeast: number): Generator<string, void> {
  const { points } = engine;
  const { segments, points: count, lastChunk } = points.tail.sealable(atLeast);
  if (count === 0) return;
  const run = beginRun(engine);
  const order = { run, points: points.tail.take(segments), lastChunk };
  yield 'a run of points was begun';
  const finished = yield* pointBlockSteps(engine, run, sealPoints(order));
  const pages = points.series.takePages().map(({ page, data }) => ({ page, data: packSeriesPage(data) }));
  yield 'pages of series were taken';
  engine.transaction(() => {
    points.putPages(pages);
    points.finishSeal(finished, lastChunk);
  });
  points.sealed(segments, lastChunk);
  yield 'a seal of points was finished';
  while (points.sweep()) yield 'a slice of the point log was swept';
}

/** @param sealing - whether new points are sealed while the merge is under way */
export function* pointMergeSteps(engine: Engine, sealing: boolean): Generator<string, void> {
  const runs = engine.points.runs.live;
  if (runs.length < 2) return;
  const run = beginRun(engine);
  const level = Math.max(...runs.map((one) => one.level)) + 1;
  const blocks = pointBlockSteps(engine, run, mergePointRuns(engine.db, { run, level, runs }));
  let next = blocks.next();
  for (; !next.done; next = blocks.next()) {
    yield next.value;
    if (sealing) yield* pointSealSteps(engine, 1);
  }
  const finished = next.value;
  engine.transaction(() => {
    engine.points.runs.activate(finished);
    engine.points.runs.retire(runs.map(({ id }) => id));
  });
  engine.points.runs.refresh();
  yield 'a merge of points was finished';
}

function beginRun(engine: Engine): number {
  let run = 0;
  engine.transaction(() => {
    run = engine.points.runs.begin();
  });
  return run;
}

function* pointBlockSteps(
  engine: Engine,
  run: number,
  slices: Iterator<PointBlocks>,
): Generator<string, NonNullable<PointBlocks['finished']>> {
  for (;;) {
    const slice = slices.next().value as PointBlocks;
    for (const block of slice.blocks) {
      engine.transaction(() => engine.points.putBlocks(run, [block], []));
      yield 'a block of points was put';
    }
    if (slice.rollups.length > 0) {
      engine.transaction(() => engine.points.putBlocks(run, [], slice.rollups));
      yield 'rollups of points were put';
    }
    if (slice.finished !== null) return slice.finished;
  }
}

export function* pointSweepSteps(engine: Engine): Generator<string, void> {
  while (engine.points.sweep()) yield 'a slice of the point log was swept';
  while (engine.points.runs.sweep()) yield 'a slice of a dead run of points was swept';
}
