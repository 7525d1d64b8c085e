import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { ObservedDetection } from '@pisync/protocol';
import { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';
import { verifyStore } from '../../../../src/adapters/store/sqlite/state/verify.ts';
import { Housekeeping } from '../../../../src/adapters/store/sqlite/threads/housekeeping.ts';
import { OnDemandThread } from '../../../../src/adapters/store/sqlite/threads/on-demand-thread.ts';
import { startThread } from '../../../../src/adapters/store/sqlite/threads/start-thread.ts';
import { wander } from '../sealed-detections/sealed-rows.ts';
import { commitTo } from '../state/engine-answers.ts';
import { placeFor } from './place.ts';

const maintenance = new URL('../../../../src/adapters/store/sqlite/threads/maintenance.ts', import.meta.url);

/** The thread that seals, and what is done before each of its calls. */
class Watched extends OnDemandThread {
  before: (method: string) => void | Promise<void> = () => undefined;

  override async call<T>(method: string, argument: unknown): Promise<T> {
    await this.before(method);
    return super.call<T>(method, argument);
  }
}

/** An engine with its housekeeping, as the writer thread has them. */
class Kept {
  readonly engine: Engine;
  readonly thread: Watched;
  readonly housekeeping: Housekeeping;
  #next = 1;

  constructor(context: TestContext, sealDetections: number) {
    const path = placeFor(context);
    this.engine = new Engine(path, 'failure');
    this.thread = new Watched(() => startThread(maintenance, { path }, false), 1000);
    this.housekeeping = new Housekeeping(this.engine, this.thread, {
      sealEvents: 1000,
      sealDetections,
      onFailure: (error) => assert.fail(String(error)),
    });
    context.after(async () => {
      await this.housekeeping.stop();
      this.engine.close();
    });
  }

  /** The number of the newest detection. */
  get newest(): number {
    return this.#next - 1;
  }

  get folded(): number {
    return this.engine.detections.folded;
  }

  commit(count: number): void {
    const detections = wander(count, this.#next, this.#next).map(
      ({ ordinal: _ordinal, ...one }): ObservedDetection => one,
    );
    this.#next += count;
    commitTo(this.engine, { observations: [], rejected: [], detections });
  }

  async sound(): Promise<void> {
    await this.housekeeping.foldDetections();
    const { path } = this.engine;
    const faults = (await verifyStore(path)).filter(({ severity }) => severity !== 'ok');
    assert.deepEqual(faults, []);
    const { detections } = this.engine.db
      .prepare('SELECT sum(detections) AS detections FROM network')
      .get() as { detections: number };
    assert.equal(detections, this.newest);
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a question about networks', () => {
  test('waits for what was committed before it, and for no more, however fast more comes', async (context) => {
    const kept = new Kept(context, 1_000_000);
    kept.commit(5000);
    let answered = false;
    const asked = kept.housekeeping.foldDetections().then(() => {
      answered = true;
      assert.ok(kept.folded >= 5000, `folded are ${kept.folded}`);
    });
    let more = 0;
    for (; !answered && more < 40; more += 1) {
      kept.commit(3000);
      await turn();
    }
    await asked;
    assert.ok(more <= 6, `${more} groups were committed until it was answered`);
    await kept.sound();
  });

  test('does not wait for what a seal takes that has come since', async (context) => {
    const kept = new Kept(context, 6000);
    // What a start looks for is over: the next commit may begin a seal at once.
    await kept.housekeeping.settle();
    kept.commit(5000);
    const foldedBefore: number[] = [];
    kept.thread.before = (method) => {
      if (method === 'sealDetections') foldedBefore.push(kept.folded);
    };
    const asked = kept.housekeeping.foldDetections();
    kept.commit(5000);
    kept.housekeeping.afterCommit();
    await asked;
    await kept.housekeeping.settle();
    assert.ok((foldedBefore[0] as number) >= 5000, `a seal began when ${foldedBefore[0]} were folded`);
    await kept.sound();
  });

  test('that is asked while a seal folds waits for it: nothing is folded twice', async (context) => {
    const kept = new Kept(context, 3000);
    const asked: Promise<void>[] = [];
    let under = 0;
    kept.thread.before = async (method) => {
      if (method !== 'nextDetections') return;
      if (kept.folded < kept.newest) under += 1;
      const newest = kept.newest;
      asked.push(kept.housekeeping.foldDetections().then(() => assert.ok(kept.folded >= newest)));
      await turn();
      // Each of them is sealed, too, so there must be an end to it.
      if (asked.length < 30) kept.commit(10);
      await turn();
    };
    for (let round = 0; round < 5; round++) {
      kept.commit(2000);
      kept.housekeeping.afterCommit();
      await turn();
    }
    await kept.housekeeping.settle();
    await Promise.all(asked);
    assert.ok(under > 0, 'some were asked while a seal was to fold');
    kept.thread.before = () => undefined;
    await kept.sound();
  });
});
