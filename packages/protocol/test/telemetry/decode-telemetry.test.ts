import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeTelemetry, type TelemetryContext } from '../../src/telemetry/decode-telemetry.ts';
import { PointBatchBuilder } from '../../src/telemetry/point-batch-builder.ts';
import { rowsOfBatch } from './rows-of-batch.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000) / 2;
const defaultTime = 1_763_800_000_000_001;
const time = '2026-11-22T10:00:00.123456Z';
const micros = Date.UTC(2026, 10, 22, 10) * 1000 + 123_456;

function decode(input: unknown, context: Partial<TelemetryContext> = {}) {
  const builder = new PointBatchBuilder();
  builder.addNumber(builder.seriesIndex('before', 'm'), 0, 0);
  const problem = decodeTelemetry(input, { defaultTime, ...context }, builder);
  const [before, ...rows] = rowsOfBatch(builder.finish());
  assert.equal(before?.deviceId, 'before');
  if (problem !== undefined) assert.deepEqual(rows, [], 'nothing of a rejected item is kept');
  return { problem, rows };
}

const point = { device_id: 'pi-1', timestamp: time, metric: 'temperature', value: 23.45 };

describe('an object of telemetry', () => {
  test('becomes a point', () => {
    const row = { deviceId: 'pi-1', key: 'temperature', time: micros, kind: 0, value: 23.45 };
    assert.deepEqual(decode(point), { problem: undefined, rows: [row] });
    const { device_id: deviceId, ...rest } = point;
    assert.deepEqual(decode({ deviceId, ...rest }).rows, [row]);
    assert.deepEqual(decode(rest, { deviceId: 'pi-1' }).rows, [row]);
    assert.deepEqual(decode({ ...point, kind: 'telemetry', seq: 4, epoch: 'e', sentAt: 5 }).rows, [row]);
    assert.deepEqual(decode({ ...point, value: true }).rows, [{ ...row, kind: 1, value: 1 }]);
    assert.deepEqual(decode({ ...point, value: 'open' }).rows, [{ ...row, kind: 2, value: 'open' }]);
    assert.deepEqual(decode({ ...point, value: -0 }).rows, [{ ...row, value: -0 }]);
    assert.deepEqual(decode({ ...point, tags: { site: 'a', room: 'x y' } }).rows, [
      { ...row, key: 'temperature,room=x\\ y,site=a' },
    ]);
    for (const timestamp of [undefined, null]) {
      assert.deepEqual(decode({ ...point, timestamp }).rows, [{ ...row, time: defaultTime }]);
    }
    assert.deepEqual(decode({ ...point, timestamp: 1_763_800_000_000.25 }).rows, [
      { ...row, time: 1_763_800_000_000_250 },
    ]);
  });

  const wrong: readonly [
    change: Record<string, unknown>,
    code: string,
    field: string | null,
    detail: RegExp,
  ][] = [
    [{ device_id: undefined, deviceId: undefined }, 'duplicate_field', 'deviceId', /both spellings/],
    [{ device_id: null }, 'missing_field', 'device_id', /send the id/],
    [{ device_id: 7 }, 'invalid_type', 'device_id', /must be text/],
    [{ device_id: 'a b' }, 'invalid_device_id', 'device_id', /U\+0020/],
    [{ metric: null }, 'missing_field', 'metric', /is null/],
    [{ metric: 7 }, 'invalid_type', 'metric', /must be text/],
    [{ metric: '' }, 'invalid_text', 'metric', /is empty/],
    [{ value: null }, 'missing_field', 'value', /leave the point out/],
    [{ value: {} }, 'invalid_type', 'value', /an object/],
    [{ value: Number.POSITIVE_INFINITY }, 'out_of_range', 'value', /too large/],
    [{ value: 'NaN' }, 'invalid_text', 'value', /leave the point out/],
    [{ value: '-inf' }, 'invalid_text', 'value', /leave the point out/],
    [{ value: 'é'.repeat(2049) }, 'invalid_text', 'value', /4098 bytes/],
    [{ value: '\ud800' }, 'invalid_text', 'value', /surrogate/],
    [{ timestamp: '2026-02-30T00:00:00Z' }, 'invalid_timestamp', 'timestamp', /does not exist/],
    [{ timestamp: true }, 'invalid_timestamp', 'timestamp', /neither text nor a number/],
    [{ tags: [] }, 'invalid_type', 'tags', /a list/],
    [{ tags: { a: 1 } }, 'invalid_type', 'tags.a', /in quotes/],
    [{ tags: { a: '' } }, 'invalid_text', 'tags.a', /is empty/],
    [{ tag: 'x' }, 'unknown_field', 'tag', /leave it out/],
    [{ kind: 'sync_event' }, 'unknown_kind', 'kind', /telemetry/],
    [{ metrics: {} }, 'unknown_field', 'metric', /stands beside metrics/],
  ];
  for (const [change, code, field, detail] of wrong) {
    test(`is refused for ${JSON.stringify(change).slice(0, 60)}: ${code}`, () => {
      const { problem } = decode({ ...point, ...change });
      assert.deepEqual([problem?.code, problem?.field], [code, field]);
      assert.match(problem?.detail ?? '', detail);
      assert.ok(problem?.detail.startsWith(`${field} `), 'the sentence begins with the field');
    });
  }

  test('is refused where it is none, or names another device than its envelope', () => {
    assert.equal(decode([point]).problem?.code, 'invalid_item');
    assert.equal(decode(null).problem?.field, null);
    assert.equal(decode({ metric: 'm', value: 1 }).problem?.code, 'missing_field');
    assert.equal(decode(point, { deviceId: 'pi-2' }).problem?.code, 'invalid_device_id');
    assert.equal(decode({ ...point, value: null }).problem?.deviceId, 'pi-1');
  });

  test('with hostile keys is refused, and changes no prototype', () => {
    const input = JSON.parse('{"device_id":"a","metric":"m","value":1,"__proto__":{"x":1}}');
    assert.equal(decode(input).problem?.field, '__proto__');
    const tagged = JSON.parse('{"device_id":"a","metric":"m","value":1,"tags":{"__proto__":"x"}}');
    assert.equal(decode(tagged).rows[0]?.key, 'm,__proto__=x');
  });
});

describe('columns of telemetry', () => {
  test('become the same points as objects do', () => {
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.string({ unit: fc.constantFrom(...'ab é'), maxLength: 5 }),
    );
    const times = fc.oneof(fc.constant(time), fc.integer({ min: 0, max: 2e12 }), fc.constant(1.5));
    const column = fc.record({
      points: fc.array(fc.tuple(times, value), { maxLength: 5 }),
      tags: fc.option(fc.constantFrom({}, { site: 'a' }, { b: '1', a: '2' })),
    });
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('t', 'h', 'a b', '10', '9'), column), (columns) => {
        const metrics: Record<string, unknown> = {};
        for (const [metric, { points, tags }] of Object.entries(columns)) {
          metrics[metric] = {
            timestamps: points.map(([timestamp]) => timestamp),
            values: points.map(([, each]) => each),
            ...(tags === null ? {} : { tags }),
          };
        }
        const { problem, rows } = decode({ device_id: 'pi-1', metrics });
        assert.equal(problem, undefined);
        const objects = Object.entries(columns).flatMap(([metric, { points, tags }]) =>
          points.flatMap(
            ([timestamp, each]) => decode({ device_id: 'pi-1', metric, timestamp, value: each, tags }).rows,
          ),
        );
        assert.deepEqual(rows, objects);
      }),
      { numRuns },
    );
  });

  const good = { timestamps: [1, 2], values: [3, 4] };
  const wrong: readonly [metrics: unknown, code: string, field: string, detail: RegExp][] = [
    [[], 'invalid_type', 'metrics', /a list/],
    [{ t: 5 }, 'invalid_type', 'metrics.t', /timestamps and values/],
    [{ t: { values: [1] } }, 'missing_field', 'metrics.t.timestamps', /send a list/],
    [{ t: { timestamps: [1], values: 1 } }, 'invalid_type', 'metrics.t.values', /must be a list/],
    [
      { t: { timestamps: [1, 2], values: [1] } },
      'invalid_type',
      'metrics.t.values',
      /1 elements and timestamps 2/,
    ],
    [{ t: { timestamps: [1, 'x'], values: [1, 2] } }, 'invalid_timestamp', 'metrics.t.timestamps[1]', /"x"/],
    [
      { t: { timestamps: [1, 2], values: [1, null] } },
      'invalid_type',
      'metrics.t.values[1]',
      /is null.*leave/,
    ],
    [{ t: { timestamps: [1], values: ['nan'] } }, 'invalid_text', 'metrics.t.values[0]', /leave/],
    [{ t: { ...good, unit: 'C' } }, 'unknown_field', 'metrics.t.unit', /leave it out/],
    [{ t: { ...good, tags: 'x' } }, 'invalid_type', 'metrics.t.tags', /must be an object/],
    [{ '': good }, 'invalid_text', 'metrics.', /is empty/],
  ];
  for (const [metrics, code, field, detail] of wrong) {
    test(`are refused for ${JSON.stringify(metrics)}`, () => {
      const input = Array.isArray(metrics) ? metrics : { good, ...(metrics as object) };
      const { problem } = decode({ device_id: 'pi-1', metrics: input });
      assert.deepEqual([problem?.code, problem?.field], [code, field]);
      assert.match(problem?.detail ?? '', detail);
    });
  }
});
