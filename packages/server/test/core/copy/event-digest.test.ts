import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { counted, hour } from '../../../src/conformance/make-events.ts';
import { type CopiedEvent, DaySums, EventDigest } from '../../../src/core/copy/event-digest.ts';
import { PositionSet } from '../../../src/core/copy/position-set.ts';

const anyText = fc.option(fc.string({ unit: 'binary', maxLength: 4 }));
const anyNumber = fc.option(fc.oneof(fc.nat({ max: 3 }), fc.constantFrom(2 ** 31, 2 ** 53 - 1, -1)));

const anyEvent: fc.Arbitrary<CopiedEvent> = fc
  .record({
    deviceId: fc.constantFrom('pi-1', 'pi-2', 'box'),
    seq: fc.nat({ max: 5 }),
    day: fc.nat({ max: 2 }),
    deviceTime: anyNumber,
    sentAt: anyNumber,
    syncDurationMs: anyNumber,
    internetSpeed: fc.option(fc.double({ noNaN: true, min: 0 })),
    metadata: anyText,
    eventId: anyText,
    position: fc.nat({ max: 9 }),
    epochIndex: fc.nat({ max: 2 }),
    tie: fc.nat({ max: 2 ** 53 - 1 }),
  })
  .map(({ seq, day, ...fields }) => {
    const event = counted(seq, fields);
    return { ...event, ...fields, timestamp: event.timestamp - day * 24 * hour };
  });

suite('sums over events', () => {
  test('are the same for the same events in whatever order, and tell every other field', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { minLength: 1 }), fc.nat(), anyEvent, (events, at, other) => {
        const digest = new EventDigest();
        for (const event of events) digest.add(event);
        for (const event of events.toReversed()) digest.remove(event);
        assert.equal(digest.differences().size, 0);
        assert.equal(digest.added, digest.removed);
        const victim = events[at % events.length] as CopiedEvent;
        for (const field of Object.keys(victim) as (keyof CopiedEvent)[]) {
          if (field === 'kind' || Object.is(victim[field], other[field])) continue;
          const changed = { ...victim, [field]: other[field] };
          digest.add(victim);
          digest.remove(changed);
          const found = digest.differences();
          assert.ok(found.has(digest.bucketOf(victim)) && found.has(digest.bucketOf(changed)), field);
          digest.add(changed);
          digest.remove(victim);
        }
        assert.equal(digest.differences().size, 0);
      }),
      // Each look goes through all sums.
      { numRuns: 10 },
    );
  });

  test('by day hold each event once, with the same digest in whatever order', () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        const [forwards, backwards] = [new DaySums(), new DaySums()];
        for (const event of events) forwards.add(event);
        for (const event of events.toReversed()) backwards.add(event);
        assert.deepEqual(new Map([...forwards.days()].sort()), new Map([...backwards.days()].sort()));
        let count = 0;
        for (const day of forwards.days().values()) count += day.events;
        assert.equal(count, events.length);
      }),
    );
  });
});

suite('a set of positions', () => {
  test('holds what was added, and knows where its first gap is', () => {
    const anyPosition = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 65_500, max: 131_100 }));
    fc.assert(
      fc.property(fc.array(anyPosition), fc.constantFrom(0, 31, 32, 65_535, 65_536), (positions, from) => {
        const [set, expected] = [new PositionSet(), new Set<number>()];
        const add = (position: number) => {
          assert.equal(set.add(position), !expected.has(position));
          expected.add(position);
        };
        for (let position = 1; position <= from; position++) add(position);
        for (const position of positions) add(position);
        assert.equal(set.size, expected.size);
        let last = 0;
        while (expected.has(last + 1)) last += 1;
        assert.equal(set.contiguous, last);
        for (const position of positions)
          assert.ok(set.has(position) && set.has(position + 1) === expected.has(position + 1));
      }),
    );
  });
});
