import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeDetection } from '../../src/detection/decode-detection.ts';
import type { Detection } from '../../src/detection/detection.ts';
import type { DecodeContext } from '../../src/event/decode-sync-event.ts';
import { parseJson } from '../../src/json/parse-json.ts';
import { arbitraryObject } from '../event/arbitrary-sync-event.ts';
import { arbitraryDetection, wireForm } from './arbitrary-detection.ts';

const plain = { device_id: 'unit-1', type: 'wifi', bssid: '00:1A:2B:3C:4D:5E' };

function decoded(input: unknown, context?: DecodeContext): Detection {
  const result = decodeDetection(input, context);
  assert.ok(result.ok, result.ok ? '' : result.problem.detail);
  return result.detection;
}

function problem(input: unknown, context?: DecodeContext) {
  const result = decodeDetection(input, context);
  assert.ok(!result.ok, 'was decoded');
  return result.problem;
}

const droppedOf = (detection: Detection) => JSON.parse(detection.metadata ?? '{}').dropped;

test('a detection survives its wire form in any spelling and any order of keys', () => {
  fc.assert(
    fc.property(
      arbitraryDetection,
      fc.constantFrom('snake', 'camel', 'scanner'),
      fc.boolean(),
      (detection, spelling, reverse) => {
        const members = Object.entries(wireForm(detection, spelling));
        const wire = Object.fromEntries(reverse ? members.reverse() : members);
        assert.deepEqual(decoded(parseJson(JSON.stringify(wire))), detection);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a field without a name is an unknown one, wherever it stands', () => {
  for (let before = 0; before < 40; before += 1) {
    const others = Object.fromEntries(Array.from({ length: before }, (_, at) => [`x${at}`, at]));
    const { metadata, deviceId } = decoded({ ...others, '': 'unit-2', ...plain });
    assert.deepEqual([JSON.parse(metadata ?? ''), deviceId], [{ ...others, '': 'unit-2' }, 'unit-1']);
  }
});

test('anything at all is decoded or refused with a field and words, and never throws', () => {
  const names = [
    'type',
    'bssid',
    'name',
    'rssi',
    'lat',
    'lon',
    'position',
    'channel',
    'timestamp',
    'mcc',
    'security',
  ];
  const value = fc.oneof(
    fc.jsonValue(),
    fc.double(),
    fc.constantFrom('wifi', 'cellular', 'NaN', '\ud800', Infinity),
  );
  const item = fc.oneof(
    fc.anything(),
    fc
      .dictionary(fc.constantFrom(...names), value)
      .map((fields) => ({ ...plain, bssid: undefined, ...fields })),
  );
  fc.assert(
    fc.property(item, (input) => {
      const result = decodeDetection(input, { deviceId: 'unit-1' });
      if (result.ok) return;
      assert.ok(result.problem.detail.length > 10 && result.problem.detail.length < 600);
      if (result.problem.field !== null)
        assert.ok(result.problem.detail.startsWith(result.problem.field.slice(0, 20)));
    }),
    { numRuns: 2000 },
  );
});

test('what comes out can be sent again and says the same', () => {
  const value = fc.oneof(fc.double(), fc.nat(), fc.constantFrom('WPA2-PSK', 'open', '[ESS]', null, 0, -0));
  const fields = fc.dictionary(
    fc.constantFrom(
      'lat',
      'lon',
      'altitude',
      'accuracy',
      'heading',
      'speed_kmh',
      'rssi',
      'capabilities',
      'security',
      'x',
    ),
    value,
  );
  fc.assert(
    fc.property(fields, arbitraryObject, (given, metadata) => {
      const result = decodeDetection({ ...plain, ...given, metadata });
      if (!result.ok) return;
      const again = decoded(parseJson(JSON.stringify(wireForm(result.detection, 'snake'))));
      assert.deepEqual(again, result.detection);
    }),
    { numRuns: 1000 },
  );
});

test('addresses are read in every usual spelling; corrupt ones refuse the item', () => {
  for (const bssid of ['00:1a:2b:3c:4d:5e', '00-1A-2B-3C-4D-5E', '001a.2b3c.4d5e', '001A2B3C4D5E']) {
    assert.equal(decoded({ ...plain, bssid }).identity, '00:1A:2B:3C:4D:5E');
  }
  // A group's address and one that a device made up.
  for (const bssid of ['01:00:5E:00:00:01', '02:00:00:00:00:01'])
    assert.equal(decoded({ ...plain, bssid }).identity, bssid);
  const corrupt = [
    '00:1A:2B:3C:4D',
    '00:1A:2B:3C:4D:5G',
    '00:1A-2B:3C:4D:5E',
    '00:00:00:00:00:00',
    'ff:ff:ff:ff:ff:ff',
    'x',
  ];
  for (const bssid of corrupt) {
    assert.deepEqual(
      [problem({ ...plain, bssid }).code, problem({ ...plain, bssid }).field],
      ['invalid_text', 'bssid'],
    );
  }
});

test('a cell is known by four numbers, together or apart', () => {
  const cell = { device_id: 'unit-1', type: 'cellular' };
  assert.equal(
    decoded({ ...cell, mcc: 310, mnc: 260, lac: 42081, cell_id: 7711 }).identity,
    '310-260-42081-7711',
  );
  assert.equal(decoded({ ...cell, identity: '262-01-0042-00007' }).identity, '262-1-42-7');
  assert.equal(decoded({ ...cell, identity: '1-1-1-1', mcc: 1, mnc: 1, tac: 1, cid: 1 }).identity, '1-1-1-1');
  assert.equal(
    problem({ ...cell, identity: '1-1-1-1', mcc: 2, mnc: 1, tac: 1, cid: 1 }).code,
    'duplicate_field',
  );
  assert.equal(problem({ ...cell, mcc: 310, mnc: 260, lac: 42081 }).field, 'mcc');
  assert.equal(problem({ ...cell, mcc: 310, mnc: 260, lac: 1, cid: 2_147_483_647 }).code, 'out_of_range');
  assert.equal(problem({ ...cell, bssid: '00:1A:2B:3C:4D:5E' }).field, 'bssid');
});

test('a position that is no place is dropped and told; 0, 0 is a receiver without a fix', () => {
  assert.equal(decoded({ ...plain, lat: 0, lon: 0, altitude: 5 }).position, null);
  assert.equal(decoded({ ...plain, lat: 0, lon: -0 }).metadata, null);
  assert.notEqual(decoded({ ...plain, lat: 0, lon: 0.5 }).position, null);
  for (const [lat, lon] of [
    [90.01, 5],
    [5, -180.01],
    [Number.NaN, 5],
    [5, Number.POSITIVE_INFINITY],
    [5, null],
  ]) {
    const detection = decoded({ ...plain, lat, lon });
    assert.equal(detection.position, null);
    assert.ok('lat' in droppedOf(detection).position);
  }
  assert.deepEqual(droppedOf(decoded({ ...plain, lat: Number.POSITIVE_INFINITY, lon: 1 })).position, {
    lat: 'Infinity',
    lon: 1,
  });
  assert.equal(
    problem({ ...plain, lat: '48.1', lon: 11 }).detail,
    'lat is the text "48.1"; send the number without quotes',
  );
  assert.equal(problem({ ...plain, position: { latitude: true } }).field, 'position.latitude');
});

test('a useless part of a position is dropped alone', () => {
  const detection = decoded({
    ...plain,
    lat: 48,
    lon: 11,
    accuracy: -1,
    heading: 361,
    altitude: Number.NaN,
    speed: 2,
  });
  assert.deepEqual(detection.position, {
    lat: 48,
    lon: 11,
    altitude: null,
    accuracy: null,
    heading: null,
    speed: 2,
  });
  assert.deepEqual(droppedOf(detection), { accuracy: -1, heading: 361, altitude: 'NaN' });
  assert.equal(decoded({ ...plain, lat: 48, lon: 11, heading: 360 }).position?.heading, 0);
  assert.equal(decoded({ ...plain, lat: 48, lon: 11, speed_kmh: 36 }).position?.speed, 10);
  assert.equal(problem({ ...plain, lat: 48, lon: 11, speed_kmh: 36, speed: 10 }).code, 'duplicate_field');
});

test('a signal that no radio has is dropped and told', () => {
  for (const signal of [1, 99, -200.5, 1e300]) {
    const detection = decoded({ ...plain, signal_dbm: signal, metadata: { dropped: 'mine' } });
    assert.equal(detection.signalDbm, null);
    assert.deepEqual(JSON.parse(detection.metadata ?? ''), {
      dropped: 'mine',
      dropped_: { signal_dbm: signal },
    });
  }
  assert.equal(decoded({ ...plain, rssi: -200 }).signalDbm, -200);
  assert.equal(decoded({ ...plain, rssi: 0 }).signalDbm, 0);
});

test('security is told by itself or by the capabilities, whose text is kept', () => {
  const capabilities = '[WPA2-PSK-CCMP][ESS]';
  const from = (fields: object) => {
    const { security, capabilities: kept } = decoded({ ...plain, ...fields });
    return [security, kept];
  };
  assert.deepEqual(from({ capabilities }), ['wpa2', capabilities]);
  assert.deepEqual(from({ capabilities, security: 'wpa3' }), ['wpa3', capabilities]);
  assert.deepEqual(from({ encryption: 'WPA2-Enterprise' }), ['wpa2,eap', 'WPA2-Enterprise']);
  assert.deepEqual(from({ security: ['wpa3', 'wpa2'] }), ['wpa2,wpa3', null]);
  assert.deepEqual(from({ encryption: 'unheard of' }), [null, 'unheard of']);
  // What a Bluetooth device calls itself says nothing about security.
  assert.deepEqual(from({ type: 'ble', capabilities: 'Open Ears [BLE]' }), [null, 'Open Ears [BLE]']);
});

test('unknown fields are kept, and one field is not taken twice', () => {
  assert.equal(
    decoded({ ...plain, vendor: 'x', position: { lat: 1, lon: 2, fix: 3 } }).metadata,
    '{"position":{"fix":3},"vendor":"x"}',
  );
  assert.equal(problem({ ...plain, mac: '00:1A:2B:3C:4D:5E' }).code, 'duplicate_field');
  assert.equal(problem({ ...plain, lat: 1, lon: 2, position: { lat: 1 } }).field, 'position.lat');
  assert.equal(problem({ ...plain, vendor: 1, metadata: { vendor: 2 } }).code, 'duplicate_field');
  assert.equal(decoded({ ...plain, mac: null }).identity, plain.bssid);
});

test('refusals name the field and the mending', () => {
  const cases: [object, string, string | null][] = [
    [{ type: undefined }, 'missing_field', 'type'],
    [{ type: 'zigbee' }, 'invalid_text', 'type'],
    [{ kind: 'sync_event' }, 'unknown_kind', 'kind'],
    [{ device_id: '?' }, 'invalid_device_id', 'device_id'],
    [{ bssid: null }, 'missing_field', 'identity'],
    [{ bssid: 7 }, 'invalid_type', 'bssid'],
    [{ ssid: 'x'.repeat(513) }, 'invalid_text', 'ssid'],
    [{ ssid: '\ud800' }, 'invalid_text', 'ssid'],
    [{ channel: 1.5 }, 'out_of_range', 'channel'],
    [{ frequencyMhz: -1 }, 'out_of_range', 'frequencyMhz'],
    [{ timestamp: '2026-02-30T00:00:00Z' }, 'invalid_timestamp', 'timestamp'],
    [{ seq: 1.5 }, 'invalid_type', 'seq'],
    [{ epoch: 'a' }, 'missing_field', 'seq'],
    [{ metadata: [] }, 'invalid_type', 'metadata'],
    [{ metadata: { a: 'x'.repeat(16_384) } }, 'item_too_large', 'metadata'],
    [{ position: 5 }, 'invalid_type', 'position'],
  ];
  for (const [fields, code, name] of cases) {
    const found = problem({ ...plain, ...fields });
    assert.deepEqual([found.code, found.field], [code, name], found.detail);
  }
  assert.equal(problem([]).code, 'invalid_item');
  assert.equal(problem({ ...plain, metadata: { a: { b: 1 } } }, { maxDepth: 1 }).code, 'item_too_deep');
  assert.equal(problem(plain, { deviceId: 'unit-2' }).code, 'invalid_device_id');
});
