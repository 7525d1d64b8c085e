import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type DetectionRun,
  mergeableDetectionRuns,
} from '../../../../src/adapters/store/sqlite/sealed-detections/detection-run.ts';
import { mortonCode } from '../../../../src/core/detections/morton.ts';

describe('runs to be merged', () => {
  const run = (id: number, level: number, detections: number): DetectionRun => {
    return {
      id,
      level,
      detections,
      bytes: 0,
      minTimestamp: 0,
      maxTimestamp: 0,
      lastChunk: id,
      ...{ identities: 0, digests: 0, minDigestTime: null, maxDigestTime: null },
    };
  };

  test('are eight of a level, as many as make a million rows', () => {
    const small = Array.from({ length: 8 }, (_none, id) => run(id, 0, 65_536));
    assert.deepEqual(mergeableDetectionRuns(small, 8), small);
    assert.deepEqual(mergeableDetectionRuns(small.slice(1), 8), []);
    const middle = Array.from({ length: 8 }, (_none, id) => run(id, 1, 524_288));
    assert.deepEqual(mergeableDetectionRuns(middle, 8), middle.slice(0, 2));
    assert.deepEqual(mergeableDetectionRuns([...middle, ...small], 8), small);
    const full = Array.from({ length: 20 }, (_none, id) => run(id, 2, 2 ** 20));
    assert.deepEqual(mergeableDetectionRuns(full, 8), []);
    assert.deepEqual(mergeableDetectionRuns(small, 24), []);
  });

  test('end: whatever the sizes, no run grows beyond that, and few are left', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 150 }),
        (sizes) => {
          let live: DetectionRun[] = [];
          for (const [id, size] of sizes.entries()) {
            live.push(run(id, 0, size));
            for (
              let pick = mergeableDetectionRuns(live, 8);
              pick.length > 0;
              pick = mergeableDetectionRuns(live, 8)
            ) {
              assert.ok(pick.length >= 2);
              const rows = pick.reduce((sum, one) => sum + one.detections, 0);
              assert.ok(rows <= 2 ** 20);
              live = live.filter((one) => !pick.includes(one));
              live.push(run(id, Math.max(...pick.map((one) => one.level)) + 1, rows));
            }
          }
          assert.ok(live.filter((one) => one.detections <= 2 ** 19).length < 40);
        },
      ),
    );
  });
});

describe('Morton code', () => {
  test('takes the bits of latitude and longitude in turn', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -90, max: 90, noNaN: true }),
        fc.double({ min: -180, max: 180, noNaN: true }),
        (y, x) => {
          const bits = (share: number): string =>
            Math.min(Math.floor(share * 2 ** 26), 2 ** 26 - 1)
              .toString(2)
              .padStart(26, '0');
          const [rows, columns] = [bits((y + 90) / 180), bits((x + 180) / 360)];
          const code = [...rows].map((bit, at) => bit + columns[at]).join('');
          assert.equal(mortonCode(y, x), Number.parseInt(code, 2));
        },
      ),
    );
    assert.equal(mortonCode(90, 180), 2 ** 52 - 1);
    assert.equal(mortonCode(-90, -180), 0);
  });
});
