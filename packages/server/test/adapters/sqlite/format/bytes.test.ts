import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ByteReader, ByteWriter } from '../../../../src/adapters/store/sealed/bytes.ts';

const anyCount = fc.oneof(
  fc.maxSafeNat(),
  fc.nat({ max: 300 }),
  fc.tuple(fc.nat({ max: 53 }), fc.constantFrom(-1, 0, 1)).map(([bits, off]) => {
    return Math.min(Math.max(2 ** bits + off, 0), Number.MAX_SAFE_INTEGER);
  }),
);
const anyInteger = fc
  .tuple(anyCount, fc.boolean())
  .map(([count, negative]) => (negative ? 0 - count : count));

/** Writes with a small buffer, so that growth is part of every run. */
function written(write: (writer: ByteWriter) => void): ByteReader {
  const writer = new ByteWriter(1);
  write(writer);
  return new ByteReader(writer.written());
}

describe('bytes', () => {
  test('every count up to 2^53 - 1 survives a varint of at most 8 bytes', () => {
    fc.assert(
      fc.property(fc.array(anyCount), (counts) => {
        const reader = written((writer) => {
          for (const count of counts) writer.varint(count);
        });
        assert.ok(reader.bytes.length <= counts.length * 8);
        assert.deepEqual(
          counts.map(() => reader.varint()),
          counts,
        );
        assert.equal(reader.at, reader.bytes.length);
      }),
    );
  });

  test('a varint is LEB128: seven bits a byte, the lowest first', () => {
    const bytes = (value: number) => [...written((writer) => writer.varint(value)).bytes];
    assert.deepEqual(bytes(0), [0]);
    assert.deepEqual(bytes(127), [0x7f]);
    assert.deepEqual(bytes(128), [0x80, 0x01]);
    assert.deepEqual(bytes(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x08]);
    assert.deepEqual(bytes(2 ** 53 - 1), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]);
  });

  test('every safe integer survives as a signed one, also behind the escape', () => {
    fc.assert(
      fc.property(fc.array(anyInteger), (values) => {
        const reader = written((writer) => {
          for (const value of values) writer.signed(value);
        });
        assert.deepEqual(
          values.map(() => reader.signed()),
          values,
        );
        assert.equal(reader.at, reader.bytes.length);
      }),
    );
  });

  test('a signed integer is 2n + 1 or 2n below 2^50, else a zero byte and a double', () => {
    const bytes = (value: number) => [...written((writer) => writer.signed(value)).bytes];
    assert.deepEqual(bytes(0), [1]);
    assert.deepEqual(bytes(1), [3]);
    assert.deepEqual(bytes(-1), [2]);
    assert.equal(bytes(2 ** 50 - 1).length, 8);
    const escaped = Buffer.from(bytes(-(2 ** 50)));
    assert.equal(escaped.length, 9);
    assert.equal(escaped[0], 0);
    assert.equal(escaped.readDoubleLE(1), -(2 ** 50));
  });

  test('any text survives, whatever stands before and behind it', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.nat(), (texts, count) => {
        const reader = written((writer) => {
          for (const text of texts) {
            writer.text(text);
            writer.varint(count);
          }
        });
        for (const text of texts) {
          assert.equal(reader.text(), text);
          assert.equal(reader.varint(), count);
        }
      }),
    );
  });
});
