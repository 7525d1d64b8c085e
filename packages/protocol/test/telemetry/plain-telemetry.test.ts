import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeTelemetry } from '../../src/telemetry/decode-telemetry.ts';
import { PlainTelemetry } from '../../src/telemetry/plain-telemetry.ts';
import { PointBatchBuilder } from '../../src/telemetry/point-batch-builder.ts';
import { rowsOfBatch } from './rows-of-batch.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);
const defaultTime = 1_763_800_000_000_001;

const from = (...texts: string[]) => fc.constantFrom(...texts);
const json = (value: fc.Arbitrary<unknown>) => value.map((each) => JSON.stringify(each));
const number = fc.oneof(
  json(fc.double({ noNaN: true, noDefaultInfinity: true })),
  json(fc.integer({ min: -1e6, max: 1e6 }).map((whole) => whole / 100)),
  from(
    '0',
    '-0',
    '-0.0',
    '00',
    '01',
    '-',
    '-1',
    '1.',
    '.5',
    '1.50',
    '1e3',
    '1E400',
    '0x1',
    '+1',
    '1_0',
    'NaN',
  ),
  from('123456789012345', '1234567890123456', '0.12345678901234567', '-9007199254740993', '9'.repeat(400)),
);
const value = fc.oneof(
  { weight: 4, arbitrary: number },
  {
    weight: 1,
    arbitrary: from(
      'true',
      'false',
      'tru',
      'truex',
      'null',
      '"on"',
      '"é"',
      '"a\\"b"',
      '""',
      '"NaN"',
      '"-Inf"',
    ),
  },
  {
    weight: 1,
    arbitrary: from('{}', '[1]', `"${'x'.repeat(4096)}"`, `"${'x'.repeat(4097)}"`, '"\u007f"', '"\t"', '"a'),
  },
);
const timestamp = fc.oneof(
  json(fc.integer({ min: -10, max: 2e12 })),
  json(fc.double({ min: 0, max: 2e12, noNaN: true })),
  from(
    '"2026-11-22T10:00:00.123456Z"',
    '"2026-11-22T10:00:00.5+05:30"',
    '"2026-02-30T00:00:00Z"',
    '"x"',
    'null',
    'true',
  ),
);
const device = from(
  '"pi-1"',
  '"pi-2"',
  '"pi-3"',
  '"p:4"',
  '"a b"',
  '"é"',
  '""',
  '5',
  'null',
  '"\\u0061"',
  'true',
);
const metric = from(
  '"temperature"',
  '"temperature"',
  '"a b"',
  '"a,b=\\\\"',
  '"a=b"',
  '""',
  `"${'m'.repeat(201)}"`,
  '7',
);
const space = from('', '', '', ' ', ' ', '\n');

/** The first in most cases. */
const mostly = <One, Other>(usual: fc.Arbitrary<One>, other: fc.Arbitrary<Other>) =>
  fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: other });
const rarely = <Value>(arbitrary: fc.Arbitrary<Value>) => mostly(fc.constant(null), arbitrary);
const usualValue = json(fc.integer({ min: -1e6, max: 1e6 }).map((whole) => whole / 100));
const usualTime = json(fc.integer({ min: 0, max: 2e12 }));

const itemText = fc
  .tuple(
    fc.record({
      device: fc.tuple(from('device_id', 'device_id', 'deviceId'), mostly(from('"pi-1"', '"pi-2"'), device)),
      time: fc.option(fc.tuple(fc.constant('timestamp'), mostly(usualTime, timestamp))),
      metric: fc.tuple(fc.constant('metric'), mostly(from('"temperature"', '"a b"'), metric)),
      value: fc.tuple(fc.constant('value'), fc.oneof(usualValue, usualValue, value)),
      more: rarely(
        fc.tuple(
          from('tags', 'kind', 'seq', 'other', 'value', '', 'valu'),
          from('{"a":"b"}', '"telemetry"', '1', 'null'),
        ),
      ),
    }),
    fc.infiniteStream(fc.nat({ max: 100 })),
    space,
    rarely(fc.nat({ max: 120 })),
  )
  .map(([parts, numbers, gap, cut]) => {
    const members = Object.values(parts).filter((member) => member !== null);
    const order = new Map(members.map((member) => [member, numbers.next().value as number]));
    members.sort((a, b) => (order.get(a) as number) - (order.get(b) as number));
    const text = `{${gap}${members.map(([name, each]) => `"${name}"${gap}:${gap}${each}`).join(`${gap},${gap}`)}${gap}}`;
    return cut === null ? text : text.slice(0, cut) + text.slice(cut + 1);
  });

test('objects of the usual shape are read as the general way reads them, or left to it', () => {
  const plain = new PlainTelemetry();
  let read = 0;
  let all = 0;
  fc.assert(
    fc.property(itemText, from('', 'x', '[{"'), from('', ',', ']'), (text, before, after) => {
      const bytes = new TextEncoder().encode(before + text + after);
      const start = new TextEncoder().encode(before).length;
      all += 1;
      if (!plain.read(bytes, new TextDecoder('latin1').decode(bytes), start)) return;
      read += 1;
      assert.ok(plain.end <= bytes.length);
      const item = new TextDecoder().decode(bytes.subarray(start, plain.end));
      const fast = new PointBatchBuilder();
      plain.addTo(fast, defaultTime);
      const slow = new PointBatchBuilder();
      assert.equal(decodeTelemetry(JSON.parse(item), { defaultTime }, slow), undefined);
      assert.deepEqual(rowsOfBatch(fast.finish()), rowsOfBatch(slow.finish()));
    }),
    { numRuns },
  );
  assert.ok(read > all / 20 && read < (all * 4) / 5, `${read} of ${all} are plain`);
});

test('objects follow each other, each with its own members', () => {
  const body =
    '[{"device_id":"a","timestamp":5,"metric":"m","value":"x"},{"metric":"n","value":true,"device_id":"b"}]';
  const bytes = new TextEncoder().encode(body);
  const plain = new PlainTelemetry();
  const builder = new PointBatchBuilder();
  for (let at = 1; plain.read(bytes, body, at); at = plain.end + 1) plain.addTo(builder, defaultTime);
  assert.equal(plain.end, body.length - 1);
  assert.deepEqual(rowsOfBatch(builder.finish()), [
    { deviceId: 'a', key: 'm', time: 5000, kind: 2, value: 'x' },
    { deviceId: 'b', key: 'n', time: defaultTime, kind: 1, value: 1 },
  ]);
});

test('a member that is given twice is left to the general way, which finds it in the text', () => {
  for (const text of [
    '{"metric":"m","value":1,"value":2,"device_id":"a"}',
    '{"device_id":"a","deviceId":"a","metric":"m","value":1}',
  ]) {
    assert.equal(new PlainTelemetry().read(new TextEncoder().encode(text), text, 0), false);
  }
});
