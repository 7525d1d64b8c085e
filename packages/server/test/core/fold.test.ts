import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type PlacedEvent, referenceDevice } from '../../src/conformance/model/reference-device.ts';
import { toDeviceRecord } from '../../src/core/device.ts';
import { fold, type PartialRule, recount, weigh } from '../../src/core/fold.ts';
import { compareHistory } from '../../src/core/history.ts';
import { resetSyncState, SYNC_STATE_LENGTH } from '../../src/core/sync-state.ts';

/** Histories per property; `PISYNC_PROPERTY_RUNS=100000` for the long run. */
const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);

const rules: readonly PartialRule[] = ['failure', 'ignore', 'success'];

/** One fact as a device may have made it; few distinct times and counters, so that facts collide and interleave. */
interface Fact {
  readonly epoch: string | null;
  readonly tie: number;
  readonly timestamp: number;
  readonly receivedAt: number;
  readonly sentAt: number | null;
  readonly totalFilesSynced: number;
  readonly totalErrors: number;
  readonly bytesSynced: number | null;
  readonly clockQuality: 'ok' | 'corrected' | 'unknown';
}

/** Failures are the most frequent, so that streaks are long enough to be cut in the middle. */
const counts = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ totalFilesSynced: fc.constant(0), totalErrors: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ totalFilesSynced: fc.integer({ min: 1, max: 9 }), totalErrors: fc.constant(1) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ totalFilesSynced: fc.nat({ max: 2 ** 40 }), totalErrors: fc.constant(0) }),
  },
);

const anyFact: fc.Arbitrary<Fact> = fc
  .record({
    place: fc.oneof(
      fc.record({ epoch: fc.constantFrom('a', 'b', 'c'), tie: fc.nat({ max: 40 }) }),
      fc.record({ epoch: fc.constant('a'), tie: fc.constantFrom(0, 2 ** 52, 2 ** 53 - 1) }),
      fc.record({ epoch: fc.constant(null), tie: fc.nat({ max: 1_000_000 }) }),
    ),
    timestamp: fc.oneof(fc.nat({ max: 12 }), fc.integer({ min: -(10 ** 13), max: 10 ** 14 })),
    receivedAt: fc.nat({ max: 20 }),
    sentAt: fc.option(fc.integer({ min: -5, max: 25 })),
    counts,
    bytesSynced: fc.option(fc.nat({ max: 2 ** 40 })),
    clockQuality: fc.constantFrom('ok' as const, 'corrected' as const, 'unknown' as const),
  })
  .map(({ place, counts: numbers, ...rest }) => ({ ...place, ...numbers, ...rest }));

const identity = (fact: Fact): string =>
  fact.epoch === null ? `${fact.timestamp} ${fact.tie}` : `${fact.epoch} ${fact.tie}`;

/** A set of facts with the order in which they arrive, duplicates included. */
const arrivals: fc.Arbitrary<readonly Fact[]> = fc
  .uniqueArray(anyFact, { minLength: 1, maxLength: 60, size: 'max', selector: identity })
  .chain((facts) =>
    fc
      .tuple(
        fc.shuffledSubarray(facts, { minLength: facts.length, maxLength: facts.length }),
        fc.array(fc.tuple(fc.nat({ max: facts.length - 1 }), fc.nat({ max: facts.length })), {
          maxLength: 12,
        }),
      )
      .map(([shuffled, repetitions]) => {
        const all: Fact[] = [...shuffled];
        for (const [which, at] of repetitions) all.splice(at, 0, facts[which] as Fact);
        return all;
      }),
  );

type StoredOrder = 'arrival' | 'newest first' | 'oldest first';

/** Takes arrivals one by one as a store does: dedupe by identity, number epochs as they appear, fold. */
function foldArrivals(facts: readonly Fact[], rule: PartialRule, order: StoredOrder, withSuccess: boolean) {
  const row = new Float64Array(SYNC_STATE_LENGTH + 7).fill(7);
  const base = 5;
  resetSyncState(row, base);
  const epochs: string[] = [];
  const known = new Map<string, PlacedEvent>();
  let recounts = 0;
  for (const fact of facts) {
    if (known.has(identity(fact))) continue;
    if (fact.epoch !== null && !epochs.includes(fact.epoch)) epochs.push(fact.epoch);
    const event = place(fact, epochs, known.size + 1);
    const earlier = [...known.values()];
    known.set(identity(fact), event);
    if (!fold(row, base, event, rule)) continue;
    recounts += 1;
    const stored = withSuccess ? [...known.values()] : earlier;
    if (order !== 'arrival') stored.sort(compareHistory);
    recount(row, base, event, order === 'newest first' ? stored.reverse() : stored, rule);
  }
  const neighbours = [...row.slice(0, base), ...row.slice(base + SYNC_STATE_LENGTH)];
  const events = [...known.values()];
  return { record: toDeviceRecord('pi', row, base, epochs.length, rule), events, recounts, neighbours };
}

function place(fact: Fact, epochs: readonly string[], position: number): PlacedEvent {
  return {
    ...fact,
    kind: 'sync_event',
    deviceId: 'pi',
    seq: fact.epoch === null ? null : fact.tie,
    eventId: null,
    deviceTime: null,
    internetSpeed: null,
    syncDurationMs: null,
    metadata: null,
    position,
    epochIndex: fact.epoch === null ? 0 : epochs.indexOf(fact.epoch) + 1,
    status: 'success',
  };
}

describe('fold', () => {
  for (const rule of rules) {
    test(`equals the brute-force reference over the set, whatever the arrival, with partial as ${rule}`, () => {
      let recounts = 0;
      fc.assert(
        fc.property(
          arrivals,
          fc.constantFrom<StoredOrder>('arrival', 'newest first', 'oldest first'),
          fc.boolean(),
          (facts, order, withSuccess) => {
            const result = foldArrivals(facts, rule, order, withSuccess);
            recounts += result.recounts;
            assert.deepEqual(result.record, referenceDevice(result.events, 0, { partial: rule }));
            assert.ok(result.neighbours.every((value) => value === 7));
          },
        ),
        { numRuns },
      );
      assert.ok(recounts > numRuns / 10, `the hard path was hardly taken: ${recounts} recounts`);
    });
  }

  test('gives the same record for two arrivals that show the epochs in the same order', () => {
    const sameEpochs = fc
      .uniqueArray(anyFact, { minLength: 2, maxLength: 40, size: 'max', selector: identity })
      .chain((facts) => {
        const firsts = Object.values(Object.groupBy(facts, (fact) => fact.epoch ?? '')).flatMap(
          (group) => group?.[0] ?? [],
        );
        const others = facts.filter((fact) => !firsts.includes(fact));
        const shuffle = fc.shuffledSubarray(others, { minLength: others.length, maxLength: others.length });
        return fc.tuple(shuffle, shuffle).map(([one, two]) => [
          [...firsts, ...one],
          [...firsts, ...two],
        ]);
      });
    fc.assert(
      fc.property(sameEpochs, fc.constantFrom(...rules), (both, rule) => {
        const [one, two] = both.map((facts) => foldArrivals(facts, rule, 'newest first', false).record);
        assert.deepEqual(one, two);
      }),
      { numRuns },
    );
  });

  test('lowers the streak for a success that arrives late, and names the failure that now comes first', () => {
    const fact = (tie: number, totalErrors: number): Fact => ({
      epoch: 'a',
      tie,
      timestamp: 100 * tie,
      receivedAt: 1000,
      sentAt: null,
      totalFilesSynced: 0,
      totalErrors,
      bytesSynced: null,
      clockQuality: 'ok',
    });
    const failures = [fact(1, 1), fact(2, 1), fact(4, 1), fact(5, 1)];
    const before = foldArrivals(failures, 'failure', 'arrival', false).record;
    assert.equal(before.consecutiveFailures, 4);
    assert.equal(before.failingSince, 100);
    const after = foldArrivals([...failures, fact(3, 0)], 'failure', 'arrival', false).record;
    assert.equal(after.consecutiveFailures, 2);
    assert.equal(after.failingSince, 400);
    assert.equal(after.lastSuccessAt, 300);
    assert.equal(after.totalFailures, 4);
  });

  test('weighs every pair of counts under every rule', () => {
    const table = rules.map((rule) => [
      weigh(5, 0, rule),
      weigh(0, 0, rule),
      weigh(5, 2, rule),
      weigh(0, 2, rule),
    ]);
    assert.deepEqual(table, [
      [-1, -1, 1, 1],
      [-1, -1, 0, 1],
      [-1, -1, -1, 1],
    ]);
  });
});
