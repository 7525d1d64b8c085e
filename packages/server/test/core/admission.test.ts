import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type BucketRule,
  chargeTokens,
  FULL_BUCKET,
  fillTime,
  MAX_SPREAD_MS,
  nextSyncAfter,
  retryAfterSeconds,
  settleBucket,
  takeTokens,
  tokensLeft,
  waitFor,
} from '../../src/core/admission.ts';

const rules: fc.Arbitrary<BucketRule> = fc.record({
  perSecond: fc.integer({ min: 1, max: 1_000_000 }),
  burst: fc.integer({ min: 1, max: 100_000 }),
});

/** A request of so many items after the clock moved by so many milliseconds; the clock may be set back. */
const requests = fc.array(
  fc.record({
    moved: fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: -1_000_000, max: 0 })),
    count: fc.integer({ min: 1, max: 5000 }),
  }),
  { maxLength: 200 },
);

describe('a token bucket', () => {
  test('never admits more than its burst and what flowed in, whatever is asked when and however the clock jumps', () => {
    fc.assert(
      fc.property(rules, requests, fc.integer({ min: 0, max: 2e12 }), (rule, sequence, start) => {
        let fullAt = FULL_BUCKET;
        let now = start;
        let forward = 0;
        let admitted = 0;
        for (const { moved, count } of sequence) {
          now += moved;
          forward += Math.max(0, moved);
          const taken = takeTokens(fullAt, now, count, rule);
          fullAt = taken ?? settleBucket(fullAt, now, rule);
          if (taken !== undefined) admitted += count;
          // Times of today hold about four digits after the point of a millisecond.
          const slack = 1e-6 * sequence.length + (1e-3 * rule.perSecond * sequence.length) / 1000;
          assert.ok(admitted <= rule.burst + (rule.perSecond * forward) / 1000 + slack);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('admits what it holds, and refuses one item more', () => {
    fc.assert(
      fc.property(rules, (rule) => {
        const emptied = takeTokens(FULL_BUCKET, 0, rule.burst, rule);
        assert.ok(emptied !== undefined, 'a full bucket gives its burst');
        assert.equal(takeTokens(emptied, 0, 1, rule), undefined);
        assert.equal(takeTokens(FULL_BUCKET, 0, rule.burst + 1, rule), undefined);
      }),
    );
  });

  test('is admitted again after the time that it names', () => {
    fc.assert(
      fc.property(
        rules,
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 200_000 }),
        (rule, wanted, spent) => {
          const count = Math.min(wanted, rule.burst);
          const fullAt = chargeTokens(FULL_BUCKET, 1000, spent, rule);
          const wait = waitFor(fullAt, 1000, count, rule);
          assert.ok(takeTokens(fullAt, 1000 + wait, count, rule) !== undefined);
          if (wait > 1) assert.equal(takeTokens(fullAt, 1000 + wait - 2, count, rule), undefined);
        },
      ),
    );
  });

  test('is full again within twice its fill time, whatever was charged and however far the clock was set back', () => {
    fc.assert(
      fc.property(
        rules,
        fc.integer({ min: 1, max: 1e9 }),
        fc.integer({ min: 0, max: 1e11 }),
        (rule, charged, back) => {
          const fullAt = chargeTokens(FULL_BUCKET, 1e11, charged, rule);
          const now = 1e11 - back;
          const settled = settleBucket(fullAt, now, rule);
          // Times of 1e11 ms hold about five digits after the point.
          assert.ok(tokensLeft(settled, now, rule) >= -rule.burst - 1e-7 * rule.perSecond);
          assert.equal(tokensLeft(settled, now + 2 * fillTime(rule) + 1, rule), rule.burst);
        },
      ),
    );
  });
});

describe('delays', () => {
  const part = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const load = fc.double({ min: 0, max: 10, noNaN: true });

  test('Retry-After is a whole number of seconds, never before the wait, never far after it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e7 }), load, part, (earliest, busy, random) => {
        const seconds = retryAfterSeconds(earliest, busy, random);
        assert.ok(Number.isSafeInteger(seconds) && seconds >= 1);
        assert.ok(seconds * 1000 >= earliest && seconds * 1000 <= earliest + MAX_SPREAD_MS + 1000);
      }),
    );
  });

  test('the spread grows with the load', () => {
    fc.assert(
      fc.property(load, load, part, (one, other, random) => {
        const [less, more] = one < other ? [one, other] : [other, one];
        assert.ok(retryAfterSeconds(1000, less, random) <= retryAfterSeconds(1000, more, random));
      }),
    );
  });

  test('advice comes from a quarter of the load on', () => {
    fc.assert(
      fc.property(load, part, (busy, random) => {
        const advice = nextSyncAfter(busy, random);
        assert.equal(advice === undefined, busy <= 0.25);
        if (advice !== undefined)
          assert.ok(Number.isSafeInteger(advice) && advice >= 250 && advice <= MAX_SPREAD_MS + 250);
      }),
    );
  });
});
