import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KeptStore } from './kept-store.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a question about networks', () => {
  test('waits for what was committed before it, and for no more, however fast more comes', async (context) => {
    const kept = new KeptStore(context, 1_000_000);
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
    const kept = new KeptStore(context, 6000);
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
    const kept = new KeptStore(context, 3000);
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
