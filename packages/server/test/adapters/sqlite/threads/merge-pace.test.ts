import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MergePace } from '../../../../src/adapters/store/sqlite/threads/merge-pace.ts';

describe('the pace of merges', () => {
  test('eight runs of a level are enough while little comes in, and many more while much does', (context) => {
    let now = 0;
    context.mock.method(performance, 'now', () => now);
    let committed = 7;
    const pace = new MergePace(() => committed);
    const after = (ms: number, runs: number): number => {
      now += ms;
      committed += runs;
      return pace.fanIn;
    };
    assert.equal(after(1000, 0), 8);
    assert.equal(after(1000, 0.4), 8);
    assert.equal(after(1000, 0.6), 24);
    // Too soon to say anything else.
    assert.equal(after(50, 0), 24);
    assert.equal(after(950, 0.4), 8);
    assert.equal(after(10_000, 4), 8);
    assert.equal(after(200, 0.2), 24);
    assert.equal(pace.takeHeldBack(), true);
    assert.equal(pace.takeHeldBack(), false);
    assert.equal(after(1000, 0), 8);
    assert.equal(pace.takeHeldBack(), false);
  });
});
