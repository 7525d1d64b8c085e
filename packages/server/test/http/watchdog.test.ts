import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Blockage, Watchdog } from '../../src/http/observe/watchdog.ts';

function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Runs `work` under a watchdog and gives what it noticed of at least 90 ms, so that a busy machine does not matter. */
async function watch(work: (watchdog: Watchdog) => Promise<void>): Promise<string[]> {
  const noticed: Blockage[] = [];
  const watchdog = new Watchdog(['first', 'second'], (blockage) => noticed.push(blockage));
  watchdog.start();
  await sleep(50);
  await work(watchdog);
  await sleep(60);
  watchdog.stop();
  return noticed.filter(({ milliseconds }) => milliseconds >= 90).map(({ work: by }) => by);
}

describe('the watchdog', () => {
  test('blames the work that took the most, also where it came in many pieces', async () => {
    const blamed = await watch(async (watchdog) => {
      for (let piece = 0; piece < 15; piece += 1) {
        watchdog.begin();
        spin(10);
        watchdog.end(1);
      }
      watchdog.begin();
      spin(20);
      watchdog.end(0);
    });
    assert.ok(blamed.includes('second') && !blamed.includes('first'), blamed.join());
  });

  test('blames no work that was over before', async () => {
    const blamed = await watch(async (watchdog) => {
      watchdog.begin();
      spin(140);
      watchdog.end(0);
      await sleep(80);
      spin(150);
    });
    assert.equal(blamed.filter((work) => work === 'first').length, 1, blamed.join());
    assert.equal(blamed.at(-1), 'other');
  });

  test('is silent when stopped', async () => {
    const noticed: Blockage[] = [];
    const watchdog = new Watchdog(['first'], (blockage) => noticed.push(blockage));
    watchdog.start();
    watchdog.stop();
    spin(120);
    await sleep(60);
    assert.deepEqual(noticed, []);
  });
});
