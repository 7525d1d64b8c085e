import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { detectionTypes, PisyncError } from '@pisync/protocol';
import fc from 'fast-check';
import { RowSpace, remapOf } from '../../../../src/adapters/store/sqlite/format/columns/detection-rows.ts';
import {
  type DetectionZone,
  readZone,
  writeZone,
} from '../../../../src/adapters/store/sqlite/format/columns/detection-zone.ts';
import {
  DetectionBlock,
  type EncodedDetectionBlock,
  encodeDetectionBlock,
  MAX_BLOCK_ROWS,
} from '../../../../src/adapters/store/sqlite/format/detection-block.ts';
import type { StoredDetection, TextColumn } from '../../../../src/core/detections/detection-columns.ts';
import { anyStored, spaceOf, wander } from './sealed-rows.ts';

function encode(detections: readonly StoredDetection[], level = 1): EncodedDetectionBlock {
  return encodeDetectionBlock(spaceOf(detections), level);
}

function allOf(block: DetectionBlock): StoredDetection[] {
  return Array.from({ length: block.count }, (_none, row) => block.detection(row));
}

function decode({ hot, cold }: Omit<EncodedDetectionBlock, 'zone'>): StoredDetection[] {
  return allOf(new DetectionBlock(hot, cold));
}

function textOf({ values, codes }: TextColumn, row: number): string | null | undefined {
  return values[codes[row] as number];
}

const damaged = (error: unknown): boolean => error instanceof PisyncError && error.code === 'store_damaged';

describe('block of detections', () => {
  test('any detections survive, bit for bit, whatever was encoded before', () => {
    fc.assert(
      fc.property(fc.array(anyStored, { minLength: 1, maxLength: 40 }), (detections) => {
        // Strict equality tells -0 from 0.
        assert.deepStrictEqual(decode(encode(detections)), detections);
      }),
      { numRuns: 150 },
    );
  });

  test('-0 survives among zeros, and where the number beside it is 0', () => {
    const [row] = wander(1, 3, 1) as [StoredDetection];
    const zeros = [0, -0].map((signalDbm) => ({ ...row, signalDbm }));
    assert.deepStrictEqual(decode(encode(zeros)), zeros);
    const beside = [1, 2, 3, 0].map((time) => {
      return { ...row, timestamp: time, deviceTime: time === 0 ? -0 : time };
    });
    assert.deepStrictEqual(decode(encode(beside)), beside);
  });

  test('a block that is released has given back all that it held', () => {
    const { hot, cold } = encode(wander(100, 5, 1));
    const block = new DetectionBlock(hot, cold);
    assert.equal(block.heldBytes, hot.length);
    const { lats } = block;
    const { codes } = block.columns.names;
    assert.equal(block.heldBytes, hot.length + 100 * (8 + 8 + 4));
    block.release();
    assert.deepEqual([lats.length, codes.length, hot.length, cold.length, block.heldBytes], [0, 0, 0, 0, 0]);
  });

  test('room that is used again has no texts of the rows before', () => {
    const [plain] = wander(1, 3, 1) as [StoredDetection];
    const told = { ...plain, seq: null, eventId: 'e-1', metadata: '{"a":1}' };
    const silent = { ...plain, eventId: null, metadata: null };
    const space = new RowSpace(4);
    for (const row of [told, silent]) {
      const source = spaceOf([row]);
      space.clear();
      space.take(source, 0, 1, remapOf(source));
      assert.deepStrictEqual(decode(encodeDetectionBlock(space, 1)), [row]);
    }
  });

  test('full blocks survive', () => {
    const detections = wander(MAX_BLOCK_ROWS, 5, 1);
    assert.deepStrictEqual(decode(encode(detections, 3)), detections);
    const same = detections.map(() => detections[0] as StoredDetection);
    assert.deepStrictEqual(decode(encode(same)), same);
    assert.throws(() => encode([...detections, detections[0] as StoredDetection]), RangeError);
    assert.throws(() => encode([]), RangeError);
  });

  test('one radio under thousands of names survives, and takes no longer for it', () => {
    const [first] = wander(1, 3, 1);
    const detections = Array.from({ length: MAX_BLOCK_ROWS }, (_none, index) => {
      return { ...(first as StoredDetection), name: `n${index % 3000}`, ordinal: index + 1 };
    });
    assert.deepStrictEqual(decode(encode(detections)), detections);
  });

  test('columns say what the detections say', () => {
    fc.assert(
      fc.property(fc.array(anyStored, { minLength: 1, maxLength: 30 }), (detections) => {
        const { hot, cold } = encode(detections);
        const { columns } = new DetectionBlock(hot, cold);
        assert.equal(columns.count, detections.length);
        for (const [row, detection] of detections.entries()) {
          assert.deepStrictEqual(
            [columns.ordinals[row], columns.timestamps[row], detectionTypes[columns.types[row] as number]],
            [detection.ordinal, detection.timestamp, detection.type],
          );
          assert.deepStrictEqual(
            [columns.lats[row], columns.lons[row], columns.signals[row]],
            [
              detection.position?.lat ?? Number.NaN,
              detection.position?.lon ?? Number.NaN,
              detection.signalDbm ?? Number.NaN,
            ],
          );
          assert.deepStrictEqual(
            [columns.devices, columns.identities, columns.names, columns.securities].map((column) =>
              textOf(column, row),
            ),
            [detection.deviceId, detection.identity, detection.name, detection.security],
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  test('places, times, signals and ordinals are read without the second part', () => {
    const { hot } = encode(wander(100, 1, 1));
    const block = new DetectionBlock(hot, () => assert.fail('the second part was read'));
    const { lats, lons, timestamps, signals, ordinals } = block.columns;
    assert.equal(lats.length + lons.length + timestamps.length + signals.length + ordinals.length, 500);
    assert.throws(() => block.columns.names, /second part/);
  });

  test('damaged bytes are reported as damage', () => {
    const detections = wander(60, 9, 1);
    const whole = encode(detections);
    fc.assert(
      fc.property(
        fc.constantFrom('hot', 'cold') as fc.Arbitrary<'hot' | 'cold'>,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (part, place, change, cut) => {
          const at = place % whole[part].length;
          const bytes = whole[part].slice(0, cut ? at : undefined);
          if (!cut) bytes[at]! ^= change;
          assert.throws(() => decode({ ...whole, [part]: bytes }), damaged);
        },
      ),
      { numRuns: 1500 },
    );
  });

  test('the parts of two blocks make none', () => {
    const { hot } = encode(wander(60, 9, 1));
    const { cold } = encode(wander(60, 10, 1));
    assert.throws(() => decode({ hot, cold }), damaged);
  });

  test('an unknown version is refused', () => {
    const { hot, cold, zone } = encode(wander(3, 2, 1));
    const newer = hot.slice();
    newer[0] = 2;
    assert.throws(() => new DetectionBlock(newer, cold), damaged);
    const newerZone = writeZone(zone);
    newerZone[0] = 2;
    assert.throws(() => readZone(newerZone), damaged);
  });

  test('a drive costs at most 17 bytes a detection', () => {
    const detections = drive(MAX_BLOCK_ROWS);
    const { hot, cold } = encode(detections, 3);
    assert.deepStrictEqual(decode({ hot, cold }), detections);
    const each = (hot.length + cold.length) / detections.length;
    assert.ok(each <= 17, `${each} bytes`);
  });
});

/** One network for five detections, a position of six decimals for each scan of a dozen networks. */
function drive(count: number): StoredDetection[] {
  const rows = wander(count, 77, 1);
  return rows.map((row, index) => {
    const scan = Math.floor(index / 12);
    const network = Math.floor(index / 60) * 12 + (index % 12);
    const address = ((network * 2_654_435_761) >>> 0).toString(16).toUpperCase().padStart(8, '0');
    const time = 1_763_700_000_000 + scan * 1000 + ((scan * 7919) % 97) + (index % 12);
    const [lat, lon] = [52.5 + scan * 9e-5 + (row.ordinal % 7) * 1e-6, 13.4 + (row.timestamp % 9) * 1e-6];
    const round = (value: number): number => Math.round(value * 1e6) / 1e6;
    return {
      ...row,
      ...{ deviceId: 'unit-1', epoch: null, seq: null, eventId: null, sentAt: null, deviceTime: time },
      ...{ timestamp: time, receivedAt: 1_763_800_000_000, type: 'wifi' as const },
      identity: `AC:DE:${address.match(/../g)?.join(':')}`,
      name: network % 8 === 0 ? null : `home-${address.slice(2)}`,
      ...{ channel: (network * 5) % 14, frequencyMhz: 2407 + 25 * (network % 3), security: 'wpa2' },
      capabilities: '[WPA2-PSK-CCMP][ESS]',
      position: { lat: round(lat), lon: round(lon), altitude: 34.5, accuracy: 4, heading: null, speed: 10 },
    };
  });
}

describe('zone map', () => {
  test('holds every row, and survives', () => {
    fc.assert(
      fc.property(fc.array(anyStored, { minLength: 1, maxLength: 30 }), (detections) => {
        const { zone } = encode(detections);
        assert.deepStrictEqual(readZone(writeZone(zone)), zone);
        for (const detection of detections) assert.ok(holds(zone, detection));
        assert.equal(zone.count, detections.length);
      }),
      { numRuns: 80 },
    );
  });

  test('is no wider than its rows', () => {
    const [row] = wander(1, 4, 12);
    const detection = { ...(row as StoredDetection), position: null, signalDbm: null };
    const { timestamp, type } = detection;
    const none = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const { zone } = encode([detection]);
    assert.deepStrictEqual(Object.values(zone), [
      ...[1, 1 << detectionTypes.indexOf(type), timestamp, timestamp],
      ...[...none, ...none, ...none, 12, 12],
    ]);
  });

  test('damaged bytes are reported as damage', () => {
    const bytes = writeZone(encode(wander(60, 9, 1)).zone);
    for (let at = 0; at < bytes.length; at++) {
      const wrong = bytes.slice();
      wrong[at]! ^= 1 << (at % 8);
      assert.throws(() => readZone(wrong), damaged);
      assert.throws(() => readZone(bytes.subarray(0, at)), damaged);
    }
  });
});

function holds(zone: DetectionZone, detection: StoredDetection): boolean {
  const { timestamp, ordinal, position, signalDbm, type } = detection;
  const within = (least: number, value: number, most: number): boolean => least <= value && value <= most;
  return (
    within(zone.minTimestamp, timestamp, zone.maxTimestamp) &&
    within(zone.minOrdinal, ordinal, zone.maxOrdinal) &&
    (position === null || within(zone.south, position.lat, zone.north)) &&
    (position === null || within(zone.west, position.lon, zone.east)) &&
    (signalDbm === null || within(zone.minSignal, signalDbm, zone.maxSignal)) &&
    (zone.types & (1 << detectionTypes.indexOf(type))) !== 0
  );
}
