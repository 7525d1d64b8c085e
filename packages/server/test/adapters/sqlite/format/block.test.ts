import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import fc from 'fast-check';
import {
  BlockBuilder,
  type BlockRow,
  compareRows,
  readBlock,
} from '../../../../src/adapters/store/sqlite/format/block.ts';
import { identityHash, identityKind, tieOf } from '../../../../src/core/identity.ts';
import { anyObservation } from './arbitrary-observation.ts';

const position = fc.oneof(fc.nat(), fc.maxSafeNat());

const anyRow: fc.Arbitrary<BlockRow> = fc
  .record({
    event: anyObservation,
    device: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 2 ** 31 - 2 })),
    position,
    epochIndex: fc.integer({ min: 1, max: 1000 }),
  })
  .map(({ event, device, position: place, epochIndex }) => {
    const kind = identityKind(event);
    const hashed = kind === 'event_id' || kind === 'digest';
    const { high, low } = hashed ? identityHash(event) : { high: 0, low: 0 };
    const { kind: _kind, deviceId: _deviceId, epoch: _epoch, ...fields } = event;
    const identity = { hashed, hashHigh: high, hashLow: low };
    const tie = event.seq ?? (hashed ? tieOf(high, low) : place);
    return {
      ...fields,
      ...identity,
      device,
      position: place,
      epochIndex: event.seq === null ? 0 : epochIndex,
      tie,
    };
  });

const anyRows = fc.array(anyRow, { minLength: 1, maxLength: 12 }).map((rows) => rows.sort(compareRows));

function blockOf(rows: readonly BlockRow[], builder = new BlockBuilder()): Buffer {
  for (const row of rows) builder.add(row);
  return builder.finish(1);
}

describe('block', () => {
  test('any rows survive, bit for bit, and a builder begins anew after each block', () => {
    const builder = new BlockBuilder();
    fc.assert(
      fc.property(anyRows, (rows) => {
        const data = blockOf(rows, builder);
        assert.equal(builder.firstDevice, rows[0]?.device);
        assert.equal(builder.firstTimestamp, rows[0]?.timestamp);
        const read = readBlock(data);
        // Strict equality tells -0 from 0, so that no double may change at all.
        assert.deepStrictEqual(read, rows);
      }),
      { numRuns: 300 },
    );
  });

  test('the rows of one device are those that belong to it', () => {
    fc.assert(
      fc.property(anyRows, fc.nat({ max: 6 }), (rows, device) => {
        const own = rows.filter((row) => row.device === device);
        assert.deepStrictEqual(readBlock(blockOf(rows), device), own);
      }),
    );
  });

  test('a speed that the protocol excludes still corrupts nothing', () => {
    const bits = (value: number | null | undefined): bigint => {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, value as number);
      return view.getBigUint64(0);
    };
    fc.assert(
      fc.property(anyRow, fc.constantFrom(-0, Number.NaN, Infinity), (row, internetSpeed) => {
        const after = { ...row, device: row.device + 1, internetSpeed: 1.5 };
        const [first, second] = readBlock(blockOf([{ ...row, internetSpeed }, after]));
        assert.equal(bits(first?.internetSpeed), bits(internetSpeed));
        assert.deepStrictEqual(second, after);
      }),
    );
  });

  test('damaged bytes are reported as damage, or do no harm at all', () => {
    const anyDamage = fc.oneof(
      fc.record({ do: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat({ max: 7 }) }),
      fc.record({ do: fc.constant('cut' as const), at: fc.nat(), bit: fc.constant(0) }),
      fc.record({ do: fc.constant('zero' as const), at: fc.nat(), bit: fc.constant(0) }),
    );
    let reported = 0;
    fc.assert(
      fc.property(anyRows, anyDamage, (rows, damage) => {
        const data = blockOf(rows);
        const at = damage.at % data.length;
        let damaged = Buffer.from(data);
        if (damage.do === 'flip') damaged.writeUInt8((damaged[at] as number) ^ (1 << damage.bit), at);
        else if (damage.do === 'cut') damaged = damaged.subarray(0, at);
        else damaged.fill(0, at, Math.min(at + 16, damaged.length));
        let read: BlockRow[];
        try {
          read = readBlock(damaged);
        } catch (error) {
          assert.ok(error instanceof PisyncError && error.code === 'store_damaged', String(error));
          reported += 1;
          return;
        }
        // A bit that zstd does not look at, such as a reserved one, or zeros over zeros.
        assert.deepStrictEqual(read, rows);
      }),
      { numRuns: 1000 },
    );
    assert.ok(reported > 900, `${reported} of 1000 were noticed`);
  });

  test('an unknown version is refused', () => {
    fc.assert(
      fc.property(anyRows, fc.integer({ min: 2, max: 255 }), (rows, version) => {
        const data = blockOf(rows);
        data[0] = version;
        assert.throws(() => readBlock(data), { code: 'store_damaged' });
      }),
      { numRuns: 20 },
    );
  });
});
