import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KeptStore } from './kept-store.ts';

test('runs that were left standing while much came in are merged when that has ended', async (context) => {
  const kept = new KeptStore(context, 100);
  const runs = (): number => kept.engine.detections.runs.live.length;
  // Each commit is a run; they come as fast as they are sealed.
  for (let commits = 0; runs() < 12; commits++) {
    assert.ok(commits < 400, 'runs were merged although much came in');
    kept.commit(100);
    kept.housekeeping.afterCommit();
    await sleep(10);
  }
  const deadline = performance.now() + 20_000;
  while (runs() >= 8 && performance.now() < deadline) await sleep(50);
  assert.ok(runs() < 8, `${runs()} runs are left`);
  await kept.sound();
});
