import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DetectionDraft, decodeDetection } from '../../src/detection/decode-detection.ts';
import { detectionTypes } from '../../src/detection/detection.ts';
import { field } from '../../src/detection/detection-fields.ts';
import { arbitraryObject } from '../event/arbitrary-sync-event.ts';

/** Names of the fields as they stand in an item, by their names in a draft. */
const numberNames = {
  timestamp: 'timestamp',
  channel: 'channel',
  frequencyMhz: 'frequency_mhz',
  signalDbm: 'signal_dbm',
  lat: 'lat',
  lon: 'lon',
  altitude: 'altitude',
  accuracy: 'accuracy',
} as const;
const textNames = ['identity', 'name', 'capabilities'] as const;

const anyNumber = fc.oneof(
  { weight: 40, arbitrary: fc.integer({ min: 0, max: 80 }) },
  { weight: 3, arbitrary: fc.integer({ min: -200, max: 400 }) },
  { weight: 3, arbitrary: fc.double() },
  fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 0.5, 2 ** 32, 1e15, 1_780_000_000_000),
);
const anyText = fc.oneof(
  fc.constantFrom(
    '',
    '00:1A:2B:3C:4D:5E',
    '001a2b3c4d5e',
    '262-1-9-8',
    'FF:FF:FF:FF:FF:FF',
    '\ud800',
    '[WEP]',
  ),
  { weight: 9, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  fc.constantFrom(1, 512, 513, 2048, 2049).map((length) => 'é'.repeat(length)),
  fc.constant('\ud800'),
);
const identity = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('00:1A:2B:3C:4D:5E', '262-1-9-8', '00-1a-2b-3c-4d-5e') },
  anyText,
);
const deep = { a: { b: { c: { d: 1 } } } };
const anyFields = fc.record({
  type: fc.constantFrom(...detectionTypes),
  numbers: fc.record(
    Object.fromEntries(Object.keys(numberNames).map((name) => [name, fc.option(anyNumber)])),
    { requiredKeys: [] },
  ) as fc.Arbitrary<Partial<Record<keyof typeof numberNames, number | null>>>,
  texts: fc.record(
    {
      identity: fc.option(identity, { freq: 9 }),
      name: fc.option(anyText),
      capabilities: fc.option(anyText),
    },
    { requiredKeys: [] },
  ),
  metadata: fc.option(
    fc.oneof(arbitraryObject, fc.constantFrom({}, deep, { x: Infinity }, { y: 'z'.repeat(17_000) })),
  ),
});

test('a draft says what the decoder says of the same fields, however many there were before', () => {
  const draft = new DetectionDraft();
  const context = { deviceId: 'unit-1', maxDepth: 4 };
  const seen = { good: 0, dropped: 0, bad: new Set<string>() };
  fc.assert(
    fc.property(anyFields, ({ type, numbers, texts, metadata }) => {
      const item: Record<string, unknown> = { type, ...texts };
      draft.begin(type);
      for (const name of textNames) if (texts[name] !== undefined) draft.text(field[name], texts[name]);
      for (const [name, value] of Object.entries(numbers)) {
        item[numberNames[name as keyof typeof numberNames]] = value;
        draft.number(field[name as keyof typeof numberNames], value);
      }
      if (metadata !== null) draft.metadata(metadata);
      if (metadata !== null) item['metadata'] = metadata;
      const wanted = decodeDetection(item, context);
      assert.deepStrictEqual(draft.decode(context), wanted);
      if (!wanted.ok) seen.bad.add(`${wanted.problem.field} ${wanted.problem.code}`);
      else if (wanted.detection.metadata?.includes('"dropped"') === true) seen.dropped += 1;
      else seen.good += 1;
    }),
    { numRuns: 3000 },
  );
  assert.ok(
    seen.good > 50 && seen.dropped > 100 && seen.bad.size > 8,
    `${seen.good} ${seen.dropped} ${[...seen.bad].join()}`,
  );
});

test('a draft without a device is refused', () => {
  const draft = new DetectionDraft();
  draft.begin('wifi');
  draft.text(field.identity, '00:1A:2B:3C:4D:5E');
  const decoded = draft.decode({});
  assert.ok(!decoded.ok);
  assert.deepEqual([decoded.problem.field, decoded.problem.code], ['device_id', 'missing_field']);
});
