import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeSyncEvent } from '@pisync/protocol';
import fc from 'fast-check';
import { type FleetEvent, type FleetPlan, fleetEvents } from '../../src/cli/simulate/fleet.ts';

const share = fc.double({ min: 0, max: 1, noNaN: true });

const anyPlan: fc.Arbitrary<FleetPlan> = fc.record({
  seed: fc.stringMatching(/^[A-Za-z0-9._-]{1,32}$/),
  devices: fc.integer({ min: 1, max: 40 }),
  events: fc.integer({ min: 0, max: 300 }),
  startMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  stepMs: fc.double({ min: 0, max: 100_000, noNaN: true }),
  failures: share,
  clockFaults: share,
  duplicates: share,
  shuffle: fc.integer({ min: 0, max: 400 }),
  backlog: share,
});

const calm: FleetPlan = {
  seed: 'calm',
  devices: 50,
  events: 5_000,
  startMs: 1_770_000_000_000,
  stepMs: 10,
  failures: 0,
  clockFaults: 0,
  duplicates: 0,
  shuffle: 0,
  backlog: 0,
};

const key = ({ wire }: FleetEvent): string => `${wire.device_id}/${wire.seq}`;

describe('the simulated fleet', () => {
  it('repeats itself byte for byte from the same plan', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        assert.deepEqual([...fleetEvents(plan)], [...fleetEvents(plan)]);
      }),
    );
  });

  it('produces so many distinct events, each device counting from 0 without a gap in one epoch', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const firsts = [...fleetEvents(plan)].filter(({ copy }) => !copy);
        assert.equal(firsts.length, plan.events);
        const byDevice = Map.groupBy(firsts, ({ wire }) => wire.device_id);
        for (const events of byDevice.values()) {
          const sequence = events.map(({ wire }) => wire.seq).sort((a, b) => a - b);
          assert.deepEqual(sequence, [...sequence.keys()]);
          assert.equal(new Set(events.map(({ wire }) => wire.epoch)).size, 1);
        }
      }),
    );
  });

  it('sends copies that equal their event, at most one of each, and without mixing after it', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const events = [...fleetEvents({ ...plan, shuffle: 0 })];
        const seen = new Map<string, FleetEvent>();
        const copied = new Set<string>();
        for (const event of events) {
          if (!event.copy) {
            seen.set(key(event), event);
            continue;
          }
          assert.deepEqual(event.wire, seen.get(key(event))?.wire);
          assert.ok(!copied.has(key(event)));
          copied.add(key(event));
        }
      }),
    );
  });

  it('loses and invents nothing by mixing', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const names = (mixed: FleetPlan): string[] => Array.from(fleetEvents(mixed), key).sort();
        const bare = { ...plan, duplicates: 0 };
        assert.deepEqual(names(bare), names({ ...bare, shuffle: 0 }));
      }),
    );
  });

  it('sends nothing that the protocol refuses, whatever its clocks show', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        for (const { wire } of fleetEvents(plan)) {
          const decoded = decodeSyncEvent(wire);
          assert.ok(decoded.ok, JSON.stringify(decoded));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('keeps the true times of one device in order, and never in the future of its visit', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const newest = new Map<string, number>();
        for (const { wire, clockOffsetMs } of fleetEvents({ ...plan, shuffle: 0, duplicates: 0 })) {
          const time = Date.parse(wire.timestamp) - clockOffsetMs;
          assert.ok(time >= (newest.get(wire.device_id) ?? Number.NEGATIVE_INFINITY));
          assert.ok(time <= plan.startMs + plan.events * plan.stepMs);
          newest.set(wire.device_id, time);
        }
      }),
    );
  });

  it('fails as often as asked', () => {
    for (const failures of [0, 0.05, 0.3, 0.7, 1]) {
      const plan = { ...calm, devices: 2_000, events: 40_000, failures };
      let failed = 0;
      for (const { wire } of fleetEvents(plan)) failed += wire.total_errors > 0 ? 1 : 0;
      assert.ok(Math.abs(failed / plan.events - failures) < 0.02, `${failures}: ${failed / plan.events}`);
    }
  });

  it('breaks as many clocks as asked, in all four ways', () => {
    const offsets = new Map<number, Set<number>>();
    for (const { device, clockOffsetMs } of fleetEvents({
      ...calm,
      devices: 1_000,
      events: 40_000,
      clockFaults: 0.4,
    })) {
      offsets.set(device, (offsets.get(device) ?? new Set()).add(clockOffsetMs));
    }
    const day = 86_400_000;
    const kinds = [...offsets.values()].map((seen): string => {
      if (seen.size > 1) return 'backwards';
      const [offset = 0] = seen;
      if (offset === 0) return 'none';
      return offset > 0 ? 'ahead' : offset < -1_000 * day ? '1970' : 'back';
    });
    const amounts = Map.groupBy(kinds, (kind) => kind);
    assert.ok(Math.abs(1 - (amounts.get('none')?.length ?? 0) / 1_000 - 0.4) < 0.06);
    for (const kind of ['backwards', 'ahead', '1970', 'back'])
      assert.ok((amounts.get(kind)?.length ?? 0) > 50, kind);
  });

  it('repeats as many events as asked', () => {
    const events = [...fleetEvents({ ...calm, duplicates: 0.25 })];
    const copies = events.filter(({ copy }) => copy).length;
    assert.ok(Math.abs(copies / calm.events - 0.25) < 0.03);
  });

  it('brings new events of the same devices from another start', () => {
    const one = [...fleetEvents(calm)];
    const two = [...fleetEvents({ ...calm, startMs: calm.startMs + 1 })];
    assert.deepEqual(
      one.map(({ wire }) => [wire.device_id, wire.seq, wire.total_errors]),
      two.map(({ wire }) => [wire.device_id, wire.seq, wire.total_errors]),
    );
    assert.ok(one.every(({ wire }, index) => wire.epoch !== two[index]?.wire.epoch));
  });

  it('never ends where no number of events is given', () => {
    const endless = fleetEvents({ ...calm, events: Number.POSITIVE_INFINITY, backlog: 0.5, shuffle: 10 });
    for (let taken = 0; taken < 20_000; taken += 1) assert.equal(endless.next().done, false);
  });
});
