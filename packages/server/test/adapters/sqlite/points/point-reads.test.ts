import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MemoryTelemetry } from '../../../../src/adapters/store/memory/memory-telemetry.ts';
import { queryPointTail } from '../../../../src/adapters/store/sqlite/points/point-queries.ts';
import { aggregatePoints, readPoints } from '../../../../src/adapters/store/sqlite/points/point-reads.ts';
import { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';
import {
  type PlainPoint,
  plainPoints,
  pointBatch,
} from '../../../../src/conformance/telemetry/make-points.ts';
import { commitTo } from '../state/engine-answers.ts';
import { pointMergeSteps, pointSealSteps } from '../state/point-steps.ts';

const second = 1_000_000;
const start = Date.UTC(2026, 10, 20) * 1000;

/** What is stored in one go: a few points of many series, or many of one. */
const anyBatch = fc.record({
  first: fc.nat({ max: 24 }),
  series: fc.integer({ min: 1, max: 25 }),
  points: fc.constantFrom(1, 3, 40, 900),
  step: fc.constantFrom(1, 7),
  from: fc.constantFrom(0, 3, 300),
  after: fc.constantFrom('nothing', 'nothing', 'nothing', 'seal', 'merge'),
});
const anyStretch = fc.record({
  from: fc.constantFrom(-1000, 0, 37, 500),
  to: fc.constantFrom(38, 450, 700, 100_000),
  names: fc.uniqueArray(fc.nat({ max: 26 }), { minLength: 1, maxLength: 12 }),
  groups: fc.integer({ min: 1, max: 4 }),
});

type Batch = typeof anyBatch extends fc.Arbitrary<infer T> ? T : never;

function pointsOf({ first, series, points, step, from }: Batch, batch: number): PlainPoint[] {
  const found: PlainPoint[] = [];
  for (let at = 0; at < points; at++) {
    for (let one = first; one < first + series; one++) {
      const time = start + (from + at * step) * second + one;
      const value = at % 50 === 7 ? `text ${at}` : ((at * 31 + one * 17) % 97) + batch / 32;
      found.push({ deviceId: `pi-${one % 13}`, key: `m${one}`, time, value });
    }
  }
  return found;
}

const nameOf = (one: number) => ({ deviceId: `pi-${one % 13}`, key: `m${one}` });

describe('points of several series', () => {
  test('are read from shared blocks, several runs and the tail as the model has them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyBatch, { minLength: 1, maxLength: 8 }),
        fc.array(anyStretch, { minLength: 1, maxLength: 6 }),
        async (batches, stretches) => {
          const folder = mkdtempSync(join(tmpdir(), 'pisync-point-reads-'));
          const engine = new Engine(join(folder, 'pisync.db'), 'failure');
          const model = new MemoryTelemetry(() => undefined);
          try {
            for (const [number, batch] of batches.entries()) {
              const points = pointBatch(pointsOf(batch, number));
              commitTo(engine, { observations: [], rejected: [], points });
              model.commit(points, new Set());
              if (batch.after !== 'nothing') for (const _ of pointSealSteps(engine, 1));
              if (batch.after === 'merge') for (const _ of pointMergeSteps(engine, false));
            }
            for (const stretch of stretches) await compare(engine, model, stretch);
          } finally {
            engine.close();
            rmSync(folder, { recursive: true });
          }
        },
      ),
      { numRuns: Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 40) },
    );
  });
});

async function compare(
  engine: Engine,
  model: MemoryTelemetry,
  { from, to, names, groups }: typeof anyStretch extends fc.Arbitrary<infer T> ? T : never,
): Promise<void> {
  const within = { from: start + from * second, to: start + to * second };
  const summary = {
    bucket: '1m',
    timeZone: 'UTC',
    names: ['count', 'min', 'max', 'first', 'last', 'p95'] as const,
    maxBuckets: 100_000,
  };
  const series = names.map((one, at) => ({ ...nameOf(one), group: at % groups }));
  const tail = queryPointTail(engine.points, { ...within, series });
  const expected = await model.aggregate({ ...summary, ...within, series });
  if (tail === null) {
    assert.equal(expected, undefined);
    return;
  }
  const request = { ...summary, ...within, tail: { ...tail, generation: 0 } };
  assert.deepEqual(aggregatePoints(engine.db, request), expected);
  for (const limit of [3, 1000]) {
    const query = { ...within, series: nameOf(names[0] as number), limit };
    const own = queryPointTail(engine.points, query);
    const wanted = await model.range(query);
    if (own === null) {
      assert.equal(wanted, undefined);
      continue;
    }
    const answer = readPoints(engine.db, { ...query, tail: { ...own, generation: 0 } });
    assert.notEqual(answer, 'stale');
    const found = answer as Exclude<typeof answer, 'stale'>;
    assert.deepEqual([plainPoints(found.points), found.next], [plainPoints(wanted?.points), wanted?.next]);
  }
}
