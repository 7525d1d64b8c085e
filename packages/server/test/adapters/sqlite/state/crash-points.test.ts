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
import { type Answers, answersOf, commitTo, Told } from './engine-answers.ts';
import { mergeSteps, sealSteps, sweepSteps } from './housekeeping-steps.ts';

/** Sequences of moves; `PISYNC_CRASH_RUNS=2000` for a long run. */
const numRuns = Number(process.env['PISYNC_CRASH_RUNS'] ?? 15);

/** Thousands of flushes are made here, and none is cut by a power failure: memory will do where there is some. */
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'pisync-crash-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

type Move =
  | { readonly do: 'commit'; readonly group: CommitGroup }
  /** The newest events come again: nothing but duplicates. */
  | { readonly do: 'repeat'; readonly count: number }
  /** One write of the housekeeping that is under way, or of the next. */
  | { readonly do: 'step' }
  | { readonly do: 'cut' }
  | { readonly do: 'checkpoint' }
  /** Go on with what a crash here would leave. */
  | { readonly do: 'crash' };

const anyMove: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: anyGroup.map((group) => ({ do: 'commit' as const, group })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat({ max: 500 }), fc.integer({ min: 1, max: 300 }))
      .map(([from, count]) => ({ do: 'commit' as const, group: crowd(from, count) })),
  },
  { weight: 2, arbitrary: fc.nat({ max: 9 }).map((count) => ({ do: 'repeat' as const, count })) },
  { weight: 12, arbitrary: fc.constant({ do: 'step' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'cut' as const }) },
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

  constructor(path: string, told: Told, partial: PartialRule) {
    this.#path = path;
    this.#told = told;
    this.#partial = partial;
    this.#engine = new Engine(path, partial);
  }

  async make(move: Move): Promise<void> {
    const before = await this.#told.answers();
    const log = this.#engine.walBytes();
    if (move.do === 'commit') await this.#commit(move.group);
    else if (move.do === 'repeat') {
      await this.#commit({ observations: this.#told.known.slice(-move.count), rejected: [] });
    } else if (move.do === 'step') this.#step();
    else if (move.do === 'cut') this.#engine.ledger.tail.cut();
    else if (move.do === 'checkpoint') this.#engine.checkpoint();
    else this.#crash();
    const now = await this.#told.answers();
    assert.deepEqual(answersOf(this.#engine), now, 'the running engine');
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
    if (!this.#job.next().done) return;
    this.#jobs += 1;
    if (this.#jobs % 4 === 0) this.#job = sweepSteps(this.#engine);
    else if (this.#jobs % 4 === 3) this.#job = mergeSteps(this.#engine, this.#jobs % 8 === 3);
    else this.#job = sealSteps(this.#engine, this.#jobs % 4 === 1 ? 1 : Number.MAX_SAFE_INTEGER);
  }

  #crash(): void {
    const path = this.#copy();
    this.#engine.close();
    this.#path = path;
    this.#engine = new Engine(path, this.#partial);
    this.#job = [][Symbol.iterator]();
    // As at every start: what was being built is swept before anything else is begun.
    for (const _step of sweepSteps(this.#engine));
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
      assert.deepEqual(answersOf(engine), expected, 'opened again');
      const faults = (await verifyStore(path)).filter(({ severity }) => severity !== 'ok');
      assert.deepEqual(faults, []);
      const again = { observations: this.#told.known.slice(-40), rejected: [] };
      if (expected.position === (await this.#told.answers()).position) {
        assert.ok(commitTo(engine, again).every((outcome) => outcome === 'duplicate'));
        assert.deepEqual(answersOf(engine), expected, 'after the same was sent again');
      }
      // Housekeeping from here to its end changes no answer.
      for (const _step of settle(engine));
      engine.close();
      engine = new Engine(path, this.#partial);
      assert.deepEqual(answersOf(engine), expected, 'settled and opened again');
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
  yield* sweepSteps(engine);
  yield* sealSteps(engine, Number.MAX_SAFE_INTEGER);
  yield* mergeSteps(engine, false);
  yield* sweepSteps(engine);
}

test('whatever is committed and wherever housekeeping is cut short, all answers equal the model', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyMove, { minLength: 1, maxLength: 40, size: 'max' }),
      fc.constantFrom<PartialRule>('failure', 'ignore', 'success'),
      async (moves, partial) => {
        files += 1;
        const driven = new Driven(
          join(folder, `store-${files}.db`),
          await Told.nothing({ partial }),
          partial,
        );
        try {
          for (const move of moves) await driven.make(move);
        } finally {
          driven.close();
        }
      },
    ),
    { numRuns },
  );
});
