import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { COPY_HEADER } from '../../../../src/adapters/store/postgres/wire/copy-format.ts';
import { CopyRows } from '../../../../src/adapters/store/postgres/wire/copy-rows.ts';

function copyOf(texts: readonly string[]): Buffer {
  const rows = new CopyRows();
  for (const text of texts) {
    rows.row(1);
    rows.text(text);
  }
  return rows.end();
}

/** The same, put together from the format alone. */
function expected(texts: readonly string[]): Buffer {
  const parts: Buffer[] = [COPY_HEADER];
  for (const text of texts) {
    const bytes = Buffer.from(text);
    const before = Buffer.from([0, 1, 0, 0, 0, 0]);
    before.writeInt32BE(bytes.length, 2);
    parts.push(before, bytes);
  }
  return Buffer.concat([...parts, Buffer.from([255, 255])]);
}

test('what was written stays as it is while the same memory takes other rows', () => {
  const anyTexts = fc.array(
    fc
      .tuple(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 2_000 }))
      .map(([text, times]) => text.repeat(times)),
  );
  fc.assert(
    fc.property(fc.array(anyTexts, { minLength: 2, maxLength: 4 }), (copies) => {
      const written = copies.map(copyOf);
      for (const [at, texts] of copies.entries()) assert.ok(written[at]?.equals(expected(texts)));
    }),
  );
});
