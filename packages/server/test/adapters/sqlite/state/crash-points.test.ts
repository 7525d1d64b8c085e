import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';
import { verifyStore } from '../../../../src/adapters/store/sqlite/state/verify.ts';
import type { PartialRule } from '../../../../src/core/fold.ts';
import type { CommitGroup } from '../../../../src/ports/store.ts';
import { anyGroup, crowd } from '../arbitrary-groups.ts';
import { detectionMergeSteps, detectionSealSteps, detectionSweepSteps } from './detection-steps.ts';
import { type Answers, answersOf, commitTo, Told } from './engine-answers.ts';
import { mergeSteps, sealSteps, sweepSteps } from './housekeeping-steps.ts';
import { pointMergeSteps, pointSealSteps, pointSweepSteps } from './point-steps.ts';

/** Sequences of moves; `PISYNC_CRASH_RUNS=2000` for a long run. */
const numRuns = Number(process.env['PISYNC_CRASH_RUNS'] ?? 10);

/** Thousands of flushes are made here, and none is cut by a power failure: memory will do where there is some. */
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'pisync-crash-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

type Move =
  | { readonly do: 'commit'; readonly group: CommitGroup }
  /** The newest events come again: nothing but duplicates. */
  | { readonly do: 'repeat'; readonly count: number }
  /** So many writes of the housekeeping that is under way and of what follows it. */
  | { readonly do: 'steps'; readonly count: number }
  /** The open segment of the tail ends, and known events are the first to come to the next one. */
  | { readonly do: 'cut'; readonly again: number }
  | { readonly do: 'checkpoint' }
  /** Go on with what a crash here would leave. */
  | { readonly do: 'crash' };

const anyMove: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: anyGroup.map((group) => ({ do: 'commit' as const, group })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat({ max: 500 }), fc.constantFrom(1, 20, 300))
      .map(([from, count]) => ({ do: 'commit' as const, group: crowd(from, count) })),
  },
  { weight: 2, arbitrary: fc.nat({ max: 9 }).map((count) => ({ do: 'repeat' as const, count })) },
  {
    weight: 10,
    arbitrary: fc.integer({ min: 1, max: 9 }).map((count) => ({ do: 'steps' as const, count })),
  },
  { weight: 2, arbitrary: fc.nat({ max: 2 }).map((again) => ({ do: 'cut' as const, again })) },
  { weight: 1, arbitrary: fc.constant({ do: 'checkpoint' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'crash' as const }) },
);

/** An engine that is driven move by move beside the model, and looked at after each as a crash would leave it. */
class Driven {
  #engine: Engine;
  #path: string;
  #told: Told;
  readonly #partial: PartialRule;
  #job: Iterator<string> = [][Symbol.iterator]();
  #jobs = 0;
  #answers: Answers | undefined;
  readonly #done: Set<string>;

  constructor(path: string, told: Told, partial: PartialRule, done: Set<string>) {
    this.#done = done;
    this.#path = path;
    this.#told = told;
    this.#partial = partial;
    this.#engine = new Engine(path, partial);
  }

  async make(move: Move): Promise<void> {
    const before = this.#answers ?? (await this.#told.answers());
    const log = this.#engine.walBytes();
    if (move.do === 'commit') await this.#commit(move.group);
    else if (move.do === 'repeat') {
      await this.#commit({
        observations: this.#told.known.slice(-move.count),
        rejected: [],
        detections: this.#told.knownDetections.slice(-move.count),
      });
    } else if (move.do === 'steps') for (let left = move.count; left > 0; left--) this.#step();
    else if (move.do === 'cut') {
      this.#engine.ledger.tail.cut();
      this.#engine.detections.log.tail.cut();
      await this.#commit({ observations: this.#told.known.slice(0, move.again), rejected: [] });
    } else if (move.do === 'checkpoint') this.#engine.checkpoint();
    else this.#crash();
    const now = await this.#told.answers();
    this.#answers = now;
    const { networks: _networks, ...asked } = await answersOf(this.#engine, 'as they are');
    const { networks: _expected, ...told } = now;
    assert.deepEqual(asked, told, 'the running engine');
    await this.#look(this.#copy(), now);
    const grown = this.#engine.walBytes();
    // A transaction that did not reach the disk as a whole is as if it had never begun.
    if (log > 0 && grown > log) await this.#look(this.#copy(log + Math.floor((grown - log) / 2)), before);
  }

  async #commit(group: CommitGroup): Promise<void> {
    assert.deepEqual(commitTo(this.#engine, group), await this.#told.commit(group));
  }

  /** Jobs follow one another as in earnest: seals, now and then a merge, and a sweep after each. */
  #step(): void {
    const step = this.#job.next();
    if (!step.done) {
      this.#done.add(step.value);
      return;
    }
    this.#jobs += 1;
    this.#job = this.#nextJob(this.#jobs % 4, this.#jobs % 8 > 3);
  }

  #nextJob(kind: number, odd: boolean): Iterator<string> {
    const engine = this.#engine;
    if (kind === 0) return sweep(engine);
    if (kind === 3) {
      return inTurn(mergeSteps(engine, odd), pointMergeSteps(engine, odd), detectionMergeSteps(engine, odd));
    }
    const most = kind === 1 ? 1 : Number.MAX_SAFE_INTEGER;
    return inTurn(sealSteps(engine, most), pointSealSteps(engine, most), detectionSealSteps(engine, most));
  }

  #crash(): void {
    const path = this.#copy();
    this.#engine.close();
    this.#path = path;
    this.#engine = new Engine(path, this.#partial);
    this.#job = [][Symbol.iterator]();
    // As at every start: what was being built is swept before anything else is begun.
    for (const _step of sweep(this.#engine));
  }

  /** What lies on disk now; `logBytes` cuts the write-ahead log there. */
  #copy(logBytes?: number): string {
    files += 1;
    const path = join(folder, `copy-${files}.db`);
    copyFileSync(this.#path, path);
    if (existsSync(`${this.#path}-wal`)) copyFileSync(`${this.#path}-wal`, `${path}-wal`);
    if (logBytes !== undefined) truncateSync(`${path}-wal`, logBytes);
    return path;
  }

  async #look(path: string, expected: Answers): Promise<void> {
    let engine = new Engine(path, this.#partial);
    try {
      assert.deepEqual(await answersOf(engine), expected, 'opened again');
      const faults = (await verifyStore(path)).filter(({ severity }) => severity !== 'ok');
      assert.deepEqual(faults, []);
      const again = {
        observations: this.#told.known.slice(-40),
        rejected: [],
        detections: this.#told.knownDetections.slice(-40),
      };
      if (expected === this.#answers) {
        assert.ok(commitTo(engine, again).every((outcome) => outcome === 'duplicate'));
        assert.deepEqual(await answersOf(engine), expected, 'after the same was sent again');
      }
      if (files % 3 > 0) return;
      // Housekeeping from here to its end changes no answer.
      for (const _step of settle(engine));
      engine.close();
      engine = new Engine(path, this.#partial);
      assert.deepEqual(await answersOf(engine), expected, 'settled and opened again');
    } finally {
      engine.close();
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    }
  }

  close(): void {
    this.#engine.close();
  }
}

function* settle(engine: Engine): Generator<string, void> {
  yield* sweep(engine);
  yield* sealSteps(engine, Number.MAX_SAFE_INTEGER);
  yield* pointSealSteps(engine, Number.MAX_SAFE_INTEGER);
  yield* detectionSealSteps(engine, Number.MAX_SAFE_INTEGER);
  yield* mergeSteps(engine, false);
  yield* pointMergeSteps(engine, false);
  yield* detectionMergeSteps(engine, false);
  yield* sweep(engine);
}

function sweep(engine: Engine): Iterator<string> & Iterable<string> {
  return inTurn(sweepSteps(engine), pointSweepSteps(engine), detectionSweepSteps(engine));
}

/** Events, points and detections are under way at once: step by step in turn. */
function* inTurn(...jobs: readonly Iterator<string>[]): Generator<string, void> {
  for (let open = jobs; open.length > 0; ) {
    const still: Iterator<string>[] = [];
    for (const job of open) {
      const step = job.next();
      if (step.done) continue;
      yield step.value;
      still.push(job);
    }
    open = still;
  }
}

/** The moves are random; every kind of step must have been among them. */
const everyStep = [
  'a page was put',
  'a seal was finished',
  'a block was put',
  'a merge was finished',
  'rollups of points were put',
  'pages of series were taken',
  'a seal of points was finished',
  'a merge of points was finished',
  'detections were folded into networks',
  'networks of a seal were written',
  'a block of detections was put',
  'a part of an index of detections was put',
  'a seal of detections was finished',
  'a merge of detections was finished',
  'a slice of a dead run was swept',
];

test('whatever is committed and wherever housekeeping is cut short, all answers equal the model', async () => {
  const done = new Set<string>();
  const property = fc.asyncProperty(
    fc.array(anyMove, { minLength: 12, maxLength: 40, size: 'max' }),
    fc.constantFrom<PartialRule>('failure', 'ignore', 'success'),
    async (moves, partial) => {
      files += 1;
      const path = join(folder, `store-${files}.db`);
      const driven = new Driven(path, await Told.nothing({ partial }), partial, done);
      try {
        for (const move of moves) await driven.make(move);
      } finally {
        driven.close();
      }
    },
  );
  const missing = () => everyStep.filter((step) => !done.has(step));
  await fc.assert(property, { numRuns });
  // A rare step may not be among so few moves: they go on until it was.
  for (let more = 0; more < 20 && missing().length > 0; more += 1) await fc.assert(property, { numRuns });
  assert.deepEqual(missing(), []);
});
