import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { detectionTypes } from '@pisync/protocol';
import fc from 'fast-check';
import {
  compareRadios,
  isLocalRadio,
  lowerIdentity,
  radioKey,
  radioOf,
  radioType,
} from '../../../../src/adapters/store/sqlite/networks/network-radio.ts';
import {
  compareNetworks,
  isLocalAddress,
  type NetworkKey,
} from '../../../../src/core/detections/networks/network.ts';

const anyMac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .filter((bytes) => bytes.some((byte) => byte > 0) && bytes.some((byte) => byte < 255))
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':'));
const anyKey: fc.Arbitrary<NetworkKey> = fc.oneof(
  fc.record({ type: fc.constantFrom('wifi', 'bluetooth', 'ble'), identity: anyMac }),
  fc.record({
    type: fc.constant('cellular'),
    identity: fc.constantFrom('310-260-42081-7711', '1-2-3-4', '1-10-3-4'),
  }),
) as fc.Arbitrary<NetworkKey>;

describe('the key of a network', () => {
  test('gives type and identity back, and sorts as networks are listed, in SQLite as well', () => {
    const db = new DatabaseSync(':memory:');
    db.exec('CREATE TABLE network (radio ANY NOT NULL) STRICT');
    const insert = db.prepare('INSERT INTO network VALUES (?)');
    const read = db.prepare('SELECT radio FROM network ORDER BY radio');
    fc.assert(
      fc.property(fc.array(anyKey, { maxLength: 30 }), (keys) => {
        db.exec('DELETE FROM network');
        for (const { type, identity } of keys) insert.run(radioOf(type, identity));
        const rows = read.all() as unknown as readonly { radio: number | string }[];
        const sorted = keys.toSorted(compareNetworks).map((key) => ({ ...key }));
        assert.deepEqual(
          rows.map(({ radio }) => radioKey(radio)),
          sorted,
        );
        const radios = keys.map(({ type, identity }) => radioOf(type, identity)).sort(compareRadios);
        assert.deepEqual(
          radios,
          rows.map(({ radio }) => radio),
        );
        for (const [at, { type, identity }] of sorted.entries()) {
          const { radio } = rows[at] as (typeof rows)[number];
          assert.equal(detectionTypes[radioType(radio)], type);
          assert.equal(lowerIdentity(radio), identity.toLowerCase());
          if (type === 'wifi') assert.equal(isLocalRadio(radio as number), isLocalAddress(identity));
        }
      }),
      { numRuns: 200 },
    );
    db.close();
  });
});
