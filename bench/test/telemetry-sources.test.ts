import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { columnRequests, objectRequests } from '../load/telemetry/json-requests.ts';
import { LineSource, type LineSourceOptions, metricNames } from '../load/telemetry/line-source.ts';
import { Counters, Walks } from '../load/telemetry/series-values.ts';

interface Point {
  readonly series: string;
  readonly time: number;
  readonly value: number;
}

const startMs = Date.UTC(2026, 10, 20);

function bodyOf(request: Buffer): string {
  const [head, body] = request.toString('latin1').split('\r\n\r\n') as [string, string];
  assert.match(head, new RegExp(`content-length: ${body.length}$`));
  return body;
}

/** Reads lines as a person would. */
function pointsOf(requests: readonly Buffer[]): Point[] {
  const lines = requests.flatMap((request) => bodyOf(request).trimEnd().split('\n'));
  return lines.flatMap((line) => {
    const [name, fields, time] = line.split(' ') as [string, string, string];
    return fields.split(',').map((field) => {
      const [metric, value] = field.split('=') as [string, string];
      return { series: `${name} ${metric}`, time: Number(time), value: Number(value) };
    });
  });
}

function bySeries(points: readonly Point[]): Point[][] {
  return [...Map.groupBy(points, ({ series }) => series).values()];
}

const baseOptions: LineSourceOptions = {
  devices: 20,
  metrics: metricNames,
  fieldsPerLine: metricNames.length,
  batchPoints: 100,
  connections: 1,
  startMs,
  everyMs: 10_000,
  points: 2000,
};

test('lines hold every series once a step, however the points are parcelled', () => {
  const parcels = fc.record({
    fieldsPerLine: fc.constantFrom(1, 3, 10),
    batchReports: fc.integer({ min: 1, max: 30 }),
    shuffled: fc.boolean(),
    jitterMs: fc.constantFrom(0, 20),
    firstDevice: fc.nat(500),
  });
  fc.assert(
    fc.property(parcels, fc.integer({ min: 1, max: 4 }), ({ batchReports, ...parcel }, steps) => {
      const batchPoints = batchReports * metricNames.length;
      const devices = batchReports * 2;
      const points = devices * metricNames.length * steps;
      const source = new LineSource({ ...baseOptions, ...parcel, devices, batchPoints, points });
      const found = bySeries(pointsOf(source.rest()));
      assert.equal(found.length, devices * metricNames.length);
      for (const series of found) {
        assert.equal(series.length, steps);
        for (const [step, { time, value }] of series.entries()) {
          assert.ok(Math.abs(time - startMs - step * 10_000) <= parcel.jitterMs);
          assert.ok(value >= 10 && value < 100);
          assert.ok(step === 0 || Math.abs(value - series[step - 1]!.value) < 0.501);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a source goes on where it stopped', () => {
  const whole = new LineSource(baseOptions).rest();
  const parts = new LineSource({ ...baseOptions, points: 700 });
  const first = parts.rest();
  assert.equal(first.length, 7);
  parts.extendTo(2000);
  assert.deepEqual([...first, ...parts.rest()], whole);
});

test('requests of a shuffled source name the devices in another order each time', () => {
  const source = new LineSource({ ...baseOptions, shuffled: true, batchPoints: 200, points: 400 });
  const orders = source.rest().map((request) => bodyOf(request).match(/pi-\d+/g));
  assert.notDeepEqual(orders[0], orders[1]);
  assert.deepEqual(orders[0]?.toSorted(), orders[1]?.toSorted());
});

test('jittered times differ from line to line, counters only grow', () => {
  const values = new Counters(200);
  const source = new LineSource({ ...baseOptions, fieldsPerLine: 1, jitterMs: 20, values });
  const points = pointsOf(source.rest());
  assert.ok(new Set(points.slice(0, 200).map(({ time }) => time)).size > 30);
  for (const series of bySeries(points)) {
    for (const [step, { value }] of series.entries()) {
      assert.ok(step === 0 || (value >= series[step - 1]!.value && value <= series[step - 1]!.value + 3));
    }
  }
});

test('a walk stays between 10.00 and 99.99, step by small step', () => {
  const walks = new Walks(1);
  const text = Buffer.alloc(5);
  let before = walks.next(0);
  const seen = { low: before, high: before };
  for (let step = 0; step < 300_000; step++) {
    const value = walks.next(0);
    assert.ok(Math.abs(value - before) <= 50 && value >= 1000 && value <= 9999, `${before} to ${value}`);
    before = value;
    seen.low = Math.min(seen.low, value);
    seen.high = Math.max(seen.high, value);
  }
  // Both ends were met.
  assert.ok(seen.low < 1050 && seen.high > 9950);
  walks.write(text, 0, 1203);
  assert.equal(text.toString(), '12.03');
});

interface ObjectItem {
  readonly device_id: string;
  readonly metric: string;
  readonly value: number;
  readonly timestamp: string;
}

interface ColumnItem {
  readonly device_id: string;
  readonly metrics: Record<string, { readonly timestamps: string[]; readonly values: number[] }>;
}

test('objects and columns of JSON hold the same number of points, none twice', () => {
  const options = { devices: 4, batchPoints: 2000, points: 8000, startMs };
  const objects = objectRequests(options).flatMap((request) => JSON.parse(bodyOf(request)) as ObjectItem[]);
  const columns = columnRequests(options).flatMap((request) =>
    (JSON.parse(bodyOf(request)) as ColumnItem[]).flatMap(({ device_id, metrics }) =>
      Object.entries(metrics).flatMap(([metric, { timestamps, values }]) =>
        timestamps.map((timestamp, at): ObjectItem => ({ device_id, metric, timestamp, value: values[at]! })),
      ),
    ),
  );
  const identity = (it: ObjectItem): string => `${it.device_id} ${it.metric} ${it.timestamp}`;
  for (const points of [objects, columns]) {
    assert.equal(points.length, 8000);
    assert.equal(new Set(points.map(identity)).size, 8000);
    assert.ok(points.every(({ value }) => Number.isInteger(Math.round(value * 1e6) / 1e4)));
  }
  assert.deepEqual(new Set(objects.map(identity)), new Set(columns.map(identity)));
});
