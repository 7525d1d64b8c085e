import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addPoint, PointRowReader } from '../../../../src/adapters/store/postgres/telemetry/point-rows.ts';
import { writeMicroseconds } from '../../../../src/adapters/store/postgres/wire/binary-time.ts';
import { COPY_HEADER } from '../../../../src/adapters/store/postgres/wire/copy-format.ts';
import { CopyFrames } from '../../../../src/adapters/store/postgres/wire/copy-out.ts';
import { CopyRows } from '../../../../src/adapters/store/postgres/wire/copy-rows.ts';

/** Series, time, value, kind, text. */
type Row = readonly [number, number, number, number, string | null];

const anyRow: fc.Arbitrary<Row> = fc.oneof(
  fc.tuple(
    fc.nat(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, 1),
    fc.constant(null),
  ),
  fc.tuple(
    fc.nat(),
    fc.maxSafeInteger(),
    fc.constant(0),
    fc.constant(2),
    fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => text.isWellFormed()),
  ),
);

function written(rows: readonly Row[]): Buffer {
  const copy = new CopyRows();
  for (const row of rows) addPoint(copy, ...row);
  return copy.end();
}

/** Lengths of the rows of a COPY, the header with the first, as a server sends them: each in a message. */
function messages(bytes: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from([0x48, 0, 0, 0, 4])];
  let from = 0;
  for (let at = 19; at < bytes.length; ) {
    const fields = bytes.readInt16BE(at);
    at += 2;
    for (let field = 0; field < fields; field++) at += 4 + Math.max(0, bytes.readInt32BE(at));
    const head = Buffer.from([0x64, 0, 0, 0, 0]);
    head.writeUInt32BE(at - from + 4, 1);
    parts.push(head, bytes.subarray(from, at));
    from = at;
  }
  return Buffer.concat([...parts, Buffer.from([0x63, 0, 0, 0, 4])]);
}

test('rows are read as they were written, however the connection cuts them', () => {
  fc.assert(
    fc.property(fc.array(anyRow, { maxLength: 40 }), fc.array(fc.nat(200)), (rows, cuts) => {
      const found: Row[] = [];
      const reader = new PointRowReader({ series: true, kinds: true }, (...row) => found.push(row));
      const frames = new CopyFrames(reader);
      const sent = Buffer.concat([messages(written(rows)), Buffer.from('driver')]);
      const places = [...new Set([...cuts.map((cut) => cut % sent.length), sent.length])].sort(
        (a, b) => a - b,
      );
      let from = 0;
      let rest = '';
      for (const to of places) {
        const left = frames.push(sent.subarray(from, to));
        from = to;
        if (left === undefined) continue;
        rest = `${left.toString()}${sent.subarray(to).toString()}`;
        break;
      }
      assert.equal(rest, 'driver');
      assert.ok(reader.ended);
      assert.equal(found.length, rows.length);
      for (const [at, row] of found.entries()) {
        const [series, time, value, kind, text] = rows[at] as Row;
        assert.deepEqual([row[0], row[3], row[4]], [series, kind, text]);
        assert.ok(Object.is(row[2], value));
        assert.equal(row[1], time);
      }
    }),
  );
});

test('texts are left out where only numbers are read', () => {
  const rows: Row[] = [
    [0, 1, 20.25, 0, null],
    [0, 2, 0, 2, 'text'],
    [0, 3, 1, 1, null],
  ];
  // What a server sends of two columns.
  const bytes: number[] = [];
  for (const [, time, value, kind] of rows) {
    const row = new DataView(new ArrayBuffer(26));
    row.setInt16(0, 2);
    row.setInt32(2, 8);
    writeMicroseconds(row, 6, time);
    row.setInt32(14, kind === 2 ? -1 : 8);
    row.setFloat64(18, value);
    bytes.push(...new Uint8Array(row.buffer, 0, kind === 2 ? 18 : 26));
  }
  const all = Buffer.from([...COPY_HEADER, ...bytes, 255, 255]);
  const found: number[][] = [];
  const reader = new PointRowReader({ series: false, kinds: false }, (_series, time, value) =>
    found.push([time, value]),
  );
  reader.take(all, new DataView(all.buffer, all.byteOffset, all.length), 0, all.length);
  assert.deepEqual(found, [
    [1, 20.25],
    [3, 1],
  ]);
  assert.ok(reader.ended);
});

test('what is no COPY of points is refused', () => {
  const read = (bytes: Buffer) =>
    new PointRowReader({ series: true, kinds: true }, () => {}).take(
      bytes,
      new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      0,
      bytes.length,
    );
  const good = written([[1, 2, 3, 0, null]]);
  read(good);
  assert.throws(() => read(Buffer.concat([Buffer.from('x'), good])), TypeError);
  const fewer = Buffer.from(good);
  fewer.writeInt16BE(4, 19);
  assert.throws(() => read(fewer), TypeError);
});
