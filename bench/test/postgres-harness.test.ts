import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eachUnderWay } from '../harness/postgres/effort.ts';
import { processCpu } from '../harness/postgres/process-cpu.ts';
import { EventRounds } from '../load/event-rounds.ts';
import { eventErrors, eventFiles } from '../load/event-template.ts';
import { PointBatches } from '../load/telemetry/point-batches.ts';

test('items are handed out in their order, each once, never more at once than asked for', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(3), { maxLength: 40 }),
      fc.integer({ min: 1, max: 8 }),
      async (waits, most) => {
        const begun: number[] = [];
        const busy = new Set<number>();
        await eachUnderWay([...waits.entries()], most, async ([index, wait], place) => {
          begun.push(index);
          assert.ok(!busy.has(place) && place < most, 'a place is filled twice');
          busy.add(place);
          for (let turn = 0; turn < wait; turn++) await new Promise((resolve) => setImmediate(resolve));
          busy.delete(place);
        });
        assert.deepEqual(begun, [...waits.keys()]);
      },
    ),
  );
});

test('an error ends the work', async () => {
  const failing = eachUnderWay([1, 2, 3], 2, async (item) => {
    if (item === 2) throw new Error('two');
  });
  await assert.rejects(failing, /two/);
});

test('a round holds one event of each device, the next round the one after it, in another order', () => {
  const rounds = new EventRounds(250);
  const orders: string[] = [];
  for (let seq = 0; seq < 3; seq++) {
    const batches = rounds.next(100);
    assert.deepEqual(
      batches.map(({ length }) => length),
      [100, 100, 50],
    );
    const events = batches.flat();
    assert.equal(new Set(events.map(({ deviceId }) => deviceId)).size, 250);
    for (const event of events) {
      const device = Number(event.deviceId.slice(3));
      assert.equal(event.seq, seq);
      assert.equal(event.totalErrors, eventErrors(device, seq));
      assert.equal(event.totalFilesSynced, eventFiles(device, seq));
      assert.ok(event.timestamp <= event.receivedAt);
    }
    orders.push(events.map(({ deviceId }) => deviceId).join());
  }
  assert.equal(new Set(orders).size, 3);
});

test('batches of points hold every series at every time once', () => {
  const source = new PointBatches(2, 40, 1_000_000);
  assert.equal(source.series.length, 20);
  const seen = new Set<string>();
  const times = new Set<number>();
  for (const batch of source.next(3)) {
    assert.equal(batch.count, 40);
    for (let at = 0; at < batch.count; at++) {
      seen.add(`${batch.seriesOf[at]} ${batch.times[at]}`);
      times.add(batch.times[at]!);
    }
  }
  assert.equal(seen.size, 120);
  assert.equal(times.size, 6);
  assert.throws(() => new PointBatches(2, 30, 0), /whole reports/);
});

const noProc = process.platform !== 'linux' && 'not run here: there is no /proc';

test('processor time of a process grows by what it computes', { skip: noProc }, () => {
  const before = processCpu(process.pid);
  const began = process.cpuUsage();
  while (process.cpuUsage(began).user < 300_000);
  const used = processCpu(process.pid) - before;
  assert.ok(used >= 0.25 && used < 3, `${used} s`);
});
