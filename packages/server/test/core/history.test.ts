import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SyncStatus } from '@pisync/protocol';
import fc from 'fast-check';
import {
  compareHistory,
  type HistoryFilter,
  type HistoryKey,
  matchesHistory,
} from '../../src/core/history.ts';
import { compareOrder, orderMajor, orderMinor } from '../../src/core/order.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);

const key: fc.Arbitrary<HistoryKey> = fc.record({
  timestamp: fc.oneof(fc.nat({ max: 3 }), fc.constantFrom(-62_167_219_200_000, 253_402_300_799_999)),
  epochIndex: fc.nat({ max: 2 }),
  tie: fc.oneof(fc.nat({ max: 3 }), fc.constantFrom(2 ** 53 - 2, 2 ** 53 - 1)),
});
const status = fc.constantFrom<SyncStatus>('success', 'partial', 'failed');
const bound = fc.option(fc.integer({ min: -1, max: 4 }), { nil: undefined });

const parts = ({ timestamp, epochIndex, tie }: HistoryKey): readonly number[] => [timestamp, epochIndex, tie];

/** Compares lists of numbers from the left. */
function compareLists(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] as number) < (b[at] as number) ? -1 : 1;
}

const order = (a: HistoryKey, b: HistoryKey): number =>
  compareOrder(a.epochIndex, orderMajor(a), orderMinor(a), b.epochIndex, orderMajor(b), orderMinor(b));

describe('history', () => {
  test('orders by time, then epoch, then tie', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        assert.equal(Math.sign(compareHistory(a, b)), compareLists(parts(a), parts(b)));
      }),
      { numRuns },
    );
  });

  test('orders within a device by epoch, then counter, or by time and tie where there is no counter', () => {
    const place = ({ epochIndex, timestamp, tie }: HistoryKey): readonly number[] =>
      epochIndex > 0 ? [epochIndex, tie, 0] : [0, timestamp, tie];
    fc.assert(
      fc.property(key, key, (a, b) => {
        assert.equal(Math.sign(order(a, b)), compareLists(place(a), place(b)));
      }),
      { numRuns },
    );
  });

  test('filters by a half-open window, a status and a key', () => {
    const filter: fc.Arbitrary<HistoryFilter> = fc.record({
      from: bound,
      to: bound,
      status: fc.option(status, { nil: undefined }),
      after: fc.option(key, { nil: undefined }),
    });
    fc.assert(
      fc.property(filter, key, status, ({ from, to, status: asked, after }, one, its) => {
        const inWindow = one.timestamp >= (from ?? -Infinity) && one.timestamp < (to ?? Infinity);
        const older = after === undefined || compareLists(parts(one), parts(after)) < 0;
        const expected = inWindow && (asked ?? its) === its && older;
        assert.equal(matchesHistory({ from, to, status: asked, after }, one, its), expected);
      }),
      { numRuns },
    );
  });

  test('pages by key show everything once, newest first', () => {
    const keys = fc.uniqueArray(key, { maxLength: 30, size: 'max', selector: (one) => parts(one).join(' ') });
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 7 }), (all, limit) => {
        const shown: HistoryKey[] = [];
        let after: HistoryKey | undefined;
        do {
          const page = all
            .filter((one) => matchesHistory({ after }, one, 'success'))
            .sort((a, b) => compareHistory(b, a))
            .slice(0, limit);
          shown.push(...page);
          after = page.at(-1);
        } while (after !== undefined);
        assert.deepEqual(
          shown,
          all.toSorted((a, b) => compareLists(parts(b), parts(a))),
        );
      }),
      { numRuns },
    );
  });
});
