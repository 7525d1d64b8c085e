import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { addSeq, hasSeq, type SeqSet } from '../../src/core/seq-set.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);

const last = Number.MAX_SAFE_INTEGER;
const anySeq = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: last - 10, max: last }) },
);

/** Ranges are sorted, do not overlap, and do not touch: a gap of at least one lies between them. */
function assertCompact(set: SeqSet): void {
  for (let i = 0; i < set.length; i += 2) {
    assert.ok((set[i] as number) <= (set[i + 1] as number));
    if (i > 0) assert.ok((set[i] as number) > (set[i - 1] as number) + 1);
  }
}

describe('SeqSet', () => {
  test('answers as a Set does, whatever the order of arrival', () => {
    fc.assert(
      fc.property(fc.array(anySeq, { maxLength: 80, size: 'max' }), (seqs) => {
        const set: SeqSet = [];
        const model = new Set<number>();
        for (const seq of seqs) {
          assert.equal(hasSeq(set, seq), model.has(seq));
          assert.equal(addSeq(set, seq), !model.has(seq));
          model.add(seq);
          assert.equal(hasSeq(set, seq), true);
          assertCompact(set);
        }
        for (let seq = 0; seq <= 41; seq++) assert.equal(hasSeq(set, seq), model.has(seq));
        for (let seq = last - 11; seq <= last; seq++) assert.equal(hasSeq(set, seq), model.has(seq));
      }),
      { numRuns },
    );
  });

  test('costs one range once a shuffled run is complete', () => {
    const run = fc.integer({ min: 1, max: 60 }).chain((length) => {
      const all = Array.from({ length }, (_, i) => i + 3);
      return fc.shuffledSubarray(all, { minLength: length, maxLength: length });
    });
    fc.assert(
      fc.property(run, (seqs) => {
        const set: SeqSet = [];
        for (const seq of seqs) addSeq(set, seq);
        assert.deepEqual(set, [3, seqs.length + 2]);
      }),
      { numRuns },
    );
  });
});
