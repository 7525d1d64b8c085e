import { packPage } from '../../../../src/adapters/store/sqlite/state/device-page.ts';
import type { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';
import type { SealablePart } from '../../../../src/adapters/store/sqlite/state/tail.ts';
import { merge, type Slice, seal } from '../../../../src/adapters/store/sqlite/threads/seal.ts';

/**
 * The housekeeping of the writer thread, one write to disk at a time: it yields after each, so that a test can commit
 * there or crash there. Blocks are written one by one and pages one by one, finer than in earnest.
 */
export function* sealSteps(engine: Engine, events: number): Generator<string, void> {
  const { tail } = engine.ledger;
  tail.cut();
  const part = tail.sealable(events);
  if (part.segments === 0) return;
  const finished = part.count === 0 ? null : yield* sealPart(engine, part);
  for (const page of engine.ledger.devices.dirtyPages()) {
    const applied = engine.chunk;
    const data = packPage(engine.ledger.devices.takePage(page));
    yield 'a page was taken';
    engine.putPages([{ page, applied, data }]);
    yield 'a page was put';
  }
  engine.finishSeal(finished, part);
  yield 'a seal was finished';
  while (engine.sweepLog()) yield 'a slice of the log was swept';
}

function* sealPart(
  engine: Engine,
  { count, lastChunk }: SealablePart,
): Generator<string, NonNullable<Slice['finished']>> {
  const { tail } = engine.ledger;
  const run = engine.beginRun(0);
  const places = tail.places(count);
  yield 'a run was begun';
  const order = {
    run,
    afterChunk: engine.sealedChunk,
    lastChunk,
    firstPosition: tail.firstPosition,
    ...places,
  };
  return yield* blockSteps(engine, run, seal(engine.db, order));
}

/** @param sealing - whether new events are sealed while the merge is under way */
export function* mergeSteps(engine: Engine, sealing: boolean): Generator<string, void> {
  const { runs } = engine.sealed;
  if (runs.length < 2) return;
  const level = Math.max(...runs.map((run) => run.level)) + 1;
  const run = engine.beginRun(level);
  yield 'a run was begun';
  const blocks = blockSteps(engine, run, merge(engine.db, { run, level, runs }));
  let next = blocks.next();
  for (; !next.done; next = blocks.next()) {
    yield next.value;
    if (sealing) yield* sealSteps(engine, 1);
  }
  const finished = next.value;
  engine.finishMerge(
    finished,
    runs.map(({ id }) => id),
  );
  yield 'a merge was finished';
}

function* blockSteps(
  engine: Engine,
  run: number,
  slices: Iterator<Slice>,
): Generator<string, NonNullable<Slice['finished']>> {
  for (;;) {
    const slice = slices.next().value as Slice;
    for (const block of slice.blocks) {
      engine.putBlocks(run, [block]);
      yield 'a block was put';
    }
    if (slice.finished !== null) return slice.finished;
  }
}

export function* sweepSteps(engine: Engine): Generator<string, void> {
  while (engine.sweepLog()) yield 'a slice of the log was swept';
  while (engine.sweepRuns()) yield 'a slice of a dead run was swept';
}
