import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Meter } from '../../../src/ports/meter.ts';
import { Admission, AdmissionRefusal } from '../../../src/services/admission/admission.ts';

const silent: Meter = {
  items: () => undefined,
  points: () => undefined,
  refused: () => undefined,
  query: () => undefined,
};

function admission(now: { ms: number }, changes: { perSecond?: number; burst?: number } = {}): Admission {
  const clock = { now: () => now.ms, monotonic: () => now.ms };
  const limits = {
    device: { perSecond: changes.perSecond ?? 10, burst: changes.burst ?? 100 },
    total: { perSecond: 1e9, burst: 1e9 },
    maxWaitingItems: 1000,
    maxBufferedBytes: 1000,
  };
  return new Admission(limits, clock, () => 0.5, silent);
}

const admits = (limits: Admission, owners: (string | null)[]): boolean => {
  try {
    limits.admitBatch(owners);
    return true;
  } catch (error) {
    assert.ok(error instanceof AdmissionRefusal);
    return false;
  }
};

describe('Admission', () => {
  test('a device that sends alone never gets more than its limit, whatever else goes on', () => {
    const step = fc.record({
      moved: fc.integer({ min: 0, max: 2000 }),
      count: fc.integer({ min: 1, max: 100 }),
      others: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const now = { ms: 0 };
        const limits = admission(now);
        let admitted = 0;
        for (const { moved, count, others } of steps) {
          now.ms += moved;
          if (others) limits.admitBatch(['x', 'y']);
          if (admits(limits, Array(count).fill('mine'))) admitted += count;
          assert.ok(admitted <= 100 + now.ms / 100 + 1e-3);
        }
      }),
    );
  });

  test('remembers a bounded number of devices, and forgets none that owes', () => {
    const now = { ms: 0 };
    const limits = admission(now, { perSecond: 1, burst: 10 });
    limits.admitBatch([...Array(20).fill('greedy'), 'other']);
    for (let device = 0; device < 350_000; device += 1) {
      limits.admitOne(`d${device}`);
      if (device % 100_000 === 0) now.ms += 1001;
    }
    assert.ok(limits.trackedDevices <= 200_002, `${limits.trackedDevices}`);
    assert.throws(() => limits.admitOne('greedy'), AdmissionRefusal);
  });

  test('memory for bodies is shared', () => {
    const limits = admission({ ms: 0 });
    limits.reserve(600);
    assert.throws(() => limits.reserve(600), AdmissionRefusal);
    limits.release(600);
    assert.equal(limits.bufferedBytes, 0);
  });

  test('advice fades when the queue is gone', () => {
    const now = { ms: 0 };
    const limits = admission(now);
    limits.entered(900);
    assert.ok((limits.advice() ?? 0) > 0);
    limits.left(900);
    assert.ok((limits.advice() ?? 0) > 0, 'a group commit empties the queue at once');
    now.ms += 2000;
    limits.advice();
    assert.equal(limits.advice(), undefined);
  });
});
