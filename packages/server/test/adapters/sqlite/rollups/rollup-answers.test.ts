import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { MemoryTelemetry } from '../../../../src/adapters/store/memory/memory-telemetry.ts';
import { queryPointTail } from '../../../../src/adapters/store/sqlite/points/point-queries.ts';
import { aggregatePoints } from '../../../../src/adapters/store/sqlite/points/point-reads.ts';
import {
  decodeRollupBlock,
  encodeRollupBlock,
} from '../../../../src/adapters/store/sqlite/rollups/rollup-block.ts';
import { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';
import {
  type PlainPoint,
  plainPoints,
  pointBatch,
} from '../../../../src/conformance/telemetry/make-points.ts';
import { AGGREGATE_LENGTH, aggregateField } from '../../../../src/core/telemetry/aggregate.ts';
import type { AggregateAnswer, AggregateQuery } from '../../../../src/ports/telemetry-store.ts';
import { commitTo } from '../state/engine-answers.ts';
import { pointMergeSteps, pointSealSteps, pointSweepSteps } from '../state/point-steps.ts';

const second = 1_000_000;
const hour = 3600 * second;
/** The days around the night in which clocks in Europe and on Lord Howe are changed or have been. */
const start = Date.UTC(2026, 9, 24) * 1000;
const SERIES = 4;

/** What is stored in one go: a stretch of one series, dense enough for rollups or not, late, twice, or neither. */
interface Stretch {
  readonly series: number;
  /** Hours after the start. */
  readonly from: number;
  /** Microseconds. */
  readonly shift: number;
  readonly points: number;
  /** Seconds. */
  readonly every: number;
  readonly kind: 'number' | 'boolean' | 'some text';
  readonly after: 'nothing' | 'seal' | 'seal and merge';
}

interface Question {
  /** Hours after the start. */
  readonly from: number;
  readonly to: number;
  readonly bucket: string;
  readonly timeZone: string;
  /** For each series that is asked for its group. */
  readonly groupOf: readonly number[];
}

const anyStretch: fc.Arbitrary<Stretch> = fc.record({
  series: fc.nat({ max: SERIES - 1 }),
  from: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constantFrom(0, 24, 25, 48)),
  shift: fc.constantFrom(0, 0, 1, 1799 * second, 3599 * second + 999_999),
  points: fc.constantFrom(1, 60, 700, 2000, 2000),
  every: fc.constantFrom(5, 7, 60),
  kind: fc.constantFrom('number', 'number', 'number', 'boolean', 'some text'),
  after: fc.constantFrom('nothing', 'seal', 'seal', 'seal and merge'),
});
const anyQuestion: fc.Arbitrary<Question> = fc.record({
  from: fc.constantFrom(-1000, 0, 0, 7.5, 24, 25.01),
  to: fc.constantFrom(1000, 1000, 48, 49.99, 96),
  bucket: fc.constantFrom('10m', '1h', '1h', '6h', '1d', '1d', '1w', '1mo'),
  timeZone: fc.constantFrom(
    ...['UTC', 'UTC', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/St_Johns'],
  ),
  groupOf: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: SERIES }),
});

const nameOf = (series: number) => ({ deviceId: `pi-${series % 2}`, key: `m${series}` });

function pointsOf({ series, from, shift, points, every, kind }: Stretch, batch: number): PlainPoint[] {
  return Array.from({ length: points }, (_, at): PlainPoint => {
    const time = start + from * hour + shift + at * every * second;
    // Quarters, so that sums are exact in any order.
    const number = (((at * 31 + series * 17) % 997) - 300) / 4 + batch;
    const text = kind === 'some text' && at % 500 === 7;
    const value = text ? `text ${at}` : kind === 'boolean' ? at % 3 === 0 : number;
    return { ...nameOf(series), time, value };
  });
}

function queryOf({ from, to, bucket, timeZone, groupOf }: Question): AggregateQuery {
  return {
    series: groupOf.map((group, series) => ({ ...nameOf(series), group })),
    from: Math.round(start + from * hour),
    to: Math.round(start + to * hour),
    bucket,
    timeZone,
    names: ['count', 'sum', 'min', 'max', 'first', 'last', 'avg', 'stddev'],
    maxBuckets: 100_000,
  };
}

function ask(engine: Engine, query: AggregateQuery): readonly AggregateAnswer[] | undefined {
  const tail = queryPointTail(engine.points, query);
  if (tail === null) return undefined;
  const answer = aggregatePoints(engine.db, { ...query, tail: { ...tail, generation: 0 } });
  assert.notEqual(answer, 'stale');
  return answer as Exclude<typeof answer, 'stale'>;
}

function assertEqual(
  found: readonly AggregateAnswer[] | undefined,
  expected: readonly AggregateAnswer[] | undefined,
): void {
  assert.equal(found?.length, expected?.length);
  for (const [group, { starts, columns }] of (expected ?? []).entries()) {
    const own = found?.[group] as AggregateAnswer;
    assert.deepEqual(own.starts, starts);
    assert.deepEqual(own.columns.slice(0, -1), columns.slice(0, -1));
    for (const [bucket, wanted] of (columns.at(-1) as Float64Array).entries()) {
      const stddev = own.columns.at(-1)?.[bucket] as number;
      if (Number.isNaN(wanted)) assert.ok(Number.isNaN(stddev));
      else assert.ok(Math.abs(stddev - wanted) <= 1e-9, `${stddev} instead of ${wanted}`);
    }
  }
}

/** Calls `use` with a store of some stretches, and the model of it. */
async function withStore(
  stretches: readonly Stretch[],
  use: (engine: Engine, model: MemoryTelemetry) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pisync-rollups-'));
  const engine = new Engine(join(folder, 'pisync.db'), 'failure');
  const model = new MemoryTelemetry(() => undefined);
  try {
    for (const [number, stretch] of stretches.entries()) {
      const points = pointBatch(pointsOf(stretch, number));
      commitTo(engine, { observations: [], rejected: [], points });
      model.commit(points, new Set());
      if (stretch.after !== 'nothing') for (const _ of pointSealSteps(engine, 1));
      if (stretch.after === 'seal and merge') for (const _ of pointMergeSteps(engine, false));
    }
    await use(engine, model);
  } finally {
    engine.close();
    rmSync(folder, { recursive: true });
  }
}

/** How many of some questions are answered, and rightly, where no sealed point can be read. */
async function answeredByRows(
  engine: Engine,
  model: MemoryTelemetry,
  queries: readonly AggregateQuery[],
): Promise<number> {
  engine.db.exec("UPDATE point_block SET data = x'00'");
  let answered = 0;
  for (const query of queries) {
    try {
      const found = ask(engine, query);
      assertEqual(found, await model.aggregate(query));
      const tail = queryPointTail(engine.points, query);
      const counted = found?.flatMap(({ columns }) => [...(columns[0] as Float64Array)]) ?? [];
      if (counted.reduce((sum, count) => sum + count, 0) > (tail?.points.count ?? 0)) answered += 1;
    } catch (error) {
      if ((error as { code?: string }).code !== 'store_damaged') throw error;
    }
  }
  return answered;
}

/** How many of some questions are answered wrong where rollups tell a wrong maximum: these are answered from rollups. */
async function misled(
  engine: Engine,
  model: MemoryTelemetry,
  queries: readonly AggregateQuery[],
): Promise<number> {
  const put = engine.db.prepare('UPDATE point_rollup SET data = ? WHERE id = ?');
  for (const { id, data } of engine.db.prepare('SELECT id, data FROM point_rollup').all()) {
    const block = decodeRollupBlock(data as Uint8Array);
    for (let row = 0; row < block.rows.length; row += AGGREGATE_LENGTH)
      block.rows[row + aggregateField.max]! += 1e6;
    put.run(encodeRollupBlock(block), id as number);
  }
  let wrong = 0;
  for (const query of queries) {
    const largest = (answers: readonly AggregateAnswer[] | undefined) =>
      answers?.map(({ columns }) => columns[query.names.indexOf('max')]);
    if (!isDeepStrictEqual(largest(ask(engine, query)), largest(await model.aggregate(query)))) wrong += 1;
  }
  return wrong;
}

describe('answers from rollups', () => {
  test('are those of the points, whatever is late, twice, sealed and merged', async () => {
    let answered = 0;
    let asked = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStretch, { minLength: 1, maxLength: 9 }),
        fc.array(anyQuestion, { minLength: 1, maxLength: 8 }),
        async (stretches, questions) => {
          await withStore(stretches, async (engine, model) => {
            const queries = questions.map(queryOf);
            for (const query of queries) assertEqual(ask(engine, query), await model.aggregate(query));
            asked += queries.length;
            answered += await misled(engine, model, queries);
          });
        },
      ),
      { numRuns: Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 60) },
    );
    // Otherwise this has proven nothing of rollups.
    assert.ok(answered >= asked / 10, `${answered} of ${asked} were answered from rollups`);
  });

  const dense = (fields: Partial<Stretch>): Stretch => ({
    ...{ series: 0, from: 0, shift: 0, points: 30_000, every: 5, kind: 'number', after: 'seal' },
    ...fields,
  });
  const question = (fields: Partial<Question>): Question => ({
    ...{ from: -1000, to: 1000, bucket: '1d', timeZone: 'UTC', groupOf: [0] },
    ...fields,
  });

  test('need no point where days or hours are whole, also across runs that follow each other', async () => {
    await withStore([dense({}), dense({ from: 41, shift: 2400 * second })], async (engine, model) => {
      const asked = [
        question({}),
        question({ bucket: '1h' }),
        question({ bucket: '1d', timeZone: 'Europe/Berlin' }),
        question({ from: 7, to: 29, bucket: '1h', timeZone: 'Europe/Berlin' }),
        question({ bucket: '1mo', groupOf: [0, 0, 0] }),
      ];
      assert.equal(await answeredByRows(engine, model, asked.map(queryOf)), asked.length);
      const others = [
        question({ bucket: '1h', timeZone: 'Asia/Kolkata' }),
        question({ bucket: '10m' }),
        question({ from: 7.5, bucket: '1d' }),
      ];
      assert.equal(await answeredByRows(engine, model, others.map(queryOf)), 0);
    });
  });

  test('read the points of that hour only where some are late', async () => {
    // Fifty minutes of the eighth hour come again in another run.
    const late = dense({ from: 7, points: 60, every: 50 });
    await withStore([dense({}), late], async (engine, model) => {
      const query = queryOf(question({}));
      assertEqual(ask(engine, query), await model.aggregate(query));
      const blocks = engine.db.prepare('SELECT id, time FROM point_block WHERE run = 1 ORDER BY id').all();
      const within = blocks.filter(({ time }, at) => {
        const next = (blocks[at + 1]?.['time'] ?? Number.POSITIVE_INFINITY) as number;
        return (time as number) < start + 8 * hour && next > start + 7 * hour;
      });
      assert.ok(within.length < blocks.length);
      const ids = within.map(({ id }) => id).join(',');
      engine.db.exec(`UPDATE point_block SET data = x'00' WHERE run = 1 AND id NOT IN (${ids})`);
      assertEqual(ask(engine, query), await model.aggregate(query));
    });
  });

  test('are no longer there when their run is gone', async () => {
    await withStore([dense({}), dense({ from: 100 })], async (engine) => {
      const rows = (): unknown =>
        engine.db
          .prepare('SELECT run, width, count(*) AS blocks FROM point_rollup GROUP BY run, width')
          .all();
      assert.equal((rows() as unknown[]).length, 4);
      for (const _ of pointMergeSteps(engine, false));
      for (const _ of pointSweepSteps(engine));
      const run = engine.points.runs.live[0]?.id as number;
      assert.deepEqual(
        JSON.stringify(rows()),
        JSON.stringify([1, 24].map((width) => ({ run, width, blocks: 1 }))),
      );
    });
  });

  test('count a text that replaced a number nowhere', async () => {
    await withStore([dense({ points: 4000 })], async (engine, model) => {
      const points = pointBatch([{ ...nameOf(0), time: start + 5 * second, value: 'broken' }]);
      commitTo(engine, { observations: [], rejected: [], points });
      model.commit(points, new Set());
      const query = queryOf(question({}));
      assertEqual(ask(engine, query), await model.aggregate(query));
      for (const _ of pointSealSteps(engine, 1));
      assertEqual(ask(engine, query), await model.aggregate(query));
      for (const _ of pointMergeSteps(engine, false));
      assertEqual(ask(engine, query), await model.aggregate(query));
      const range = await model.range({ series: nameOf(0), from: start, to: start + 10 * second, limit: 9 });
      assert.equal(plainPoints(range?.points)[1]?.[1], 'broken');
    });
  });
});
