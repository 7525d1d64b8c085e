import { readLogRows } from '../../../../src/adapters/store/sqlite/detections/log-rows.ts';
import type { DetectionRun } from '../../../../src/adapters/store/sqlite/sealed-detections/detection-run.ts';
import {
  mergeDetectionRuns,
  type SealSlice,
  sealDetections,
} from '../../../../src/adapters/store/sqlite/sealed-detections/detection-seal.ts';
import type { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';

/** As the steps of events, for detections: one write to disk at a time. */
export function* detectionSealSteps(engine: Engine, atMost: number): Generator<string, void> {
  const { log, runs } = engine.detections;
  log.tail.cut();
  const part = log.tail.sealable(atMost);
  if (part.detections === 0) return;
  // As where somebody has asked for networks; what comes from here on is folded by the seal.
  if (part.detections % 2 === 0) yield* foldSteps(engine);
  const run = beginRun(engine);
  yield 'a run of detections was begun';
  const order = {
    run,
    detections: part.detections,
    firstOrdinal: log.tail.firstOrdinal,
    afterChunk: log.sealedChunk,
    lastChunk: part.lastChunk,
    folded: Math.max(0, engine.detections.folded + 1 - log.tail.firstOrdinal),
  };
  const slices = sealDetections({ ...order, rows: readLogRows(engine.db, order) });
  const finished = yield* pieceSteps(engine, run, slices);
  engine.transaction(() => {
    runs.activate(finished);
    log.finishSeal(part);
  });
  log.sealed(part);
  engine.detections.refresh();
  yield 'a seal of detections was finished';
  while (log.sweep()) yield 'a slice of the detection log was swept';
}

function* foldSteps(engine: Engine): Generator<string, void> {
  while (engine.detections.unfolded > 0) {
    engine.transaction(() => engine.detections.fold());
    yield 'detections were folded into networks';
  }
}

/** @param sealing - whether new detections are sealed while the merge is under way */
export function* detectionMergeSteps(engine: Engine, sealing: boolean): Generator<string, void> {
  const merged: readonly DetectionRun[] = engine.detections.runs.live;
  if (merged.length < 2) return;
  const run = beginRun(engine);
  const level = Math.max(...merged.map((one) => one.level)) + 1;
  const pieces = pieceSteps(engine, run, mergeDetectionRuns(engine.db, { run, level, runs: merged }));
  let next = pieces.next();
  for (; !next.done; next = pieces.next()) {
    yield next.value;
    if (sealing) yield* detectionSealSteps(engine, 1);
  }
  const finished = next.value;
  engine.transaction(() => {
    engine.detections.runs.activate(finished);
    engine.detections.runs.retire(merged.map(({ id }) => id));
  });
  engine.detections.refresh();
  yield 'a merge of detections was finished';
}

function beginRun(engine: Engine): number {
  let run = 0;
  engine.transaction(() => {
    run = engine.detections.runs.begin();
  });
  return run;
}

function* pieceSteps(
  engine: Engine,
  run: number,
  slices: Iterator<SealSlice>,
): Generator<string, NonNullable<SealSlice['finished']>> {
  for (;;) {
    const { blocks, parts, networks, finished } = slices.next().value as SealSlice;
    if (networks !== undefined) {
      engine.transaction(() => engine.detections.takeNetworks(networks));
      yield 'networks of a seal were written';
    }
    for (const block of blocks) {
      engine.transaction(() => engine.detections.runs.putBlocks(run, { blocks: [block], parts: [] }));
      yield 'a block of detections was put';
    }
    for (const part of parts) {
      engine.transaction(() => engine.detections.runs.putBlocks(run, { blocks: [], parts: [part] }));
      yield 'a part of an index of detections was put';
    }
    if (finished !== null) return finished;
  }
}

export function* detectionSweepSteps(engine: Engine): Generator<string, void> {
  while (engine.detections.log.sweep()) yield 'a slice of the detection log was swept';
  while (engine.detections.runs.sweep()) yield 'a slice of a dead run of detections was swept';
}
