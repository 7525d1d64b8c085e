import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { greatCircle } from '../../../src/core/detections/great-circle.ts';
import { type ScanSession, ScanSessions, type SessionStep } from '../../../src/core/detections/sessions.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);
const minute = 60_000;

function sessionsOf(steps: readonly SessionStep[], gapMinutes: number): ScanSession[] {
  const sessions = new ScanSessions(gapMinutes);
  return [...steps.map((step) => sessions.add(step)), sessions.end()].filter((one) => one !== undefined);
}

const at = (minutes: number, lon?: number, accuracy: number | null = null): SessionStep => ({
  timestamp: minutes * minute,
  position: lon === undefined ? null : { lat: 0, lon, accuracy },
});

describe('ScanSessions', () => {
  test('splits where a gap is longer than was asked, whichever end it is fed from', () => {
    const anyTimes = fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 40 });
    fc.assert(
      fc.property(anyTimes, fc.integer({ min: 0, max: 6 }), (minutes, gap) => {
        const times = minutes.toSorted((a, b) => a - b);
        const found = sessionsOf(
          times.map((time) => at(time)),
          gap,
        );
        // Two neighbours are in one session exactly where the gap allows it.
        const expected: number[][] = [];
        for (const [index, time] of times.entries()) {
          if (index === 0 || time - (times[index - 1] as number) > gap) expected.push([]);
          expected.at(-1)?.push(time);
        }
        assert.deepEqual(
          found.map(({ start, end, detections }) => [start / minute, end / minute, detections]),
          expected.map((own) => [own[0], own.at(-1), own.length]),
        );
        const backwards = sessionsOf(
          times.toReversed().map((time) => at(time)),
          gap,
        );
        assert.deepEqual(backwards, found.toReversed());
      }),
      { numRuns },
    );
  });

  test('adds up the way between positions, within a session only', () => {
    const steps = [at(0, 0), at(1), at(1, 0.001), at(2, 0.001), at(3, 0.003), at(20, 1), at(21, 1)];
    const distances = sessionsOf(steps, 10).map(({ distance }) => distance);
    assert.equal(distances.length, 2);
    assert.ok(Math.abs((distances[0] as number) - greatCircle(0, 0, 0, 0.003)) < 1e-6);
    assert.equal(distances[1], 0);
  });

  test('a receiver that wavers travels nowhere, one that creeps does', () => {
    const degree = greatCircle(0, 0, 0, 1);
    const wavering = Array.from({ length: 100 }, (_, step) => at(step, ((step % 3) * 4) / degree, 10));
    assert.deepEqual(
      sessionsOf(wavering, 5).map(({ distance }) => distance),
      [0],
    );
    const creeping = Array.from({ length: 101 }, (_, step) => at(step, step / degree, 10));
    const [session] = sessionsOf(creeping, 5);
    assert.ok(Math.abs((session?.distance as number) - 100) < 12);
  });
});
