import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Observation } from '@pisync/protocol';
import fc from 'fast-check';
import { openMemoryStore } from '../../../src/adapters/store/memory/memory-store.ts';
import { counted, group, observation, shuffled } from '../../../src/conformance/make-events.ts';
import type { HistoryPage, Store } from '../../../src/ports/store.ts';
import {
  compareWithLedger,
  type LedgerComparison,
  type ReadLedger,
  type SentEvent,
} from '../../../src/services/compare/compare-ledger.ts';

async function storeWith(events: readonly Observation[]): Promise<Store> {
  const store = await openMemoryStore({ partial: 'failure' });
  await store.commit(group(...events));
  return store;
}

function compared(store: Store, sent: readonly SentEvent[]): Promise<LedgerComparison> {
  const read: ReadLedger = async function* (wanted) {
    for (const one of sent) if (wanted(one.event.deviceId)) yield one;
  };
  return compareWithLedger(store, read, { told: 5 });
}

const acknowledged = (event: Observation): SentEvent => ({ event, acknowledged: true });

/** Events of all kinds of identity of four devices. */
const events = Array.from({ length: 40 }, (_, number): Observation => {
  const deviceId = `pi-${number % 4}`;
  if (number % 3 === 0) return counted(number, { deviceId });
  if (number % 3 === 1) return observation({ deviceId, eventId: `id-${number}` });
  return observation({ deviceId, totalFilesSynced: number });
});

describe('comparing a store with a ledger', () => {
  it('holds what it was told, however often and in whatever order', async () => {
    const store = await storeWith(events);
    const sent = shuffled([...events, ...events.slice(0, 9)], 3).map(acknowledged);
    const { faults, ...sums } = await compared(store, sent);
    assert.deepEqual(faults, []);
    assert.equal(sums.acknowledged, 40);
    assert.equal(sums.held, 40);
    assert.equal(sums.devices, 4);
    assert.equal(sums.missing + sums.different + sums.twice + sums.more + sums.unsure, 0);
  });

  it('finds the one event that is missing or says something else, and counts those of others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(39), fc.boolean(), async (at, dropped) => {
        const one = events[at] as Observation;
        const others = events.filter((other) => other !== one);
        const changed = { ...one, bytesSynced: 77 };
        const store = await storeWith(dropped ? others : [...others, changed]);
        const result = await compared(store, events.map(acknowledged));
        // What is recognised by what it says is another event when it says something else.
        const isOther = !dropped && one.seq === null && one.eventId === null;
        const problem = dropped || isOther ? 'missing' : 'different';
        assert.deepEqual(
          result.faults.map((fault) => [fault.problem, fault.deviceId]),
          [[problem, one.deviceId]],
        );
        assert.equal(result[problem], 1);
        assert.equal(result.held, 39);
        assert.equal(result.more, isOther ? 1 : 0);
        if (one.seq !== null) assert.equal(result.faults[0]?.event, `epoch-1/${one.seq}`);
      }),
      { numRuns: 60 },
    );
  });

  it('finds an event that is there twice', async () => {
    const store = await storeWith(events);
    const broken: Store = Object.create(store, {
      history: {
        value: async (query: Parameters<Store['history']>[0]): Promise<HistoryPage | undefined> => {
          const page = await store.history(query);
          return page && { ...page, items: [...page.items, page.items[0]!] };
        },
      },
    });
    const result = await compared(broken, events.map(acknowledged));
    assert.equal(result.twice, 4);
    assert.ok(result.faults.every(({ problem }) => problem === 'twice'));
  });

  it('takes either for an event without an answer, and an answer that came later for one', async () => {
    const store = await storeWith(events.slice(0, 20));
    const unsure = events.map((event): SentEvent => ({ event, acknowledged: false }));
    const first = await compared(store, unsure);
    assert.deepEqual([first.unsure, first.unsureHeld, first.missing, first.more], [40, 20, 0, 0]);
    const later = await compared(store, [...unsure, acknowledged(events[0]!), acknowledged(events[30]!)]);
    assert.deepEqual([later.acknowledged, later.held, later.missing, later.unsure], [2, 1, 1, 38]);
  });

  it('counts what has no identity', async () => {
    const plain = observation({ deviceTime: null });
    const store = await storeWith([plain, plain]);
    const sent = (times: number) => Array.from({ length: times }, () => acknowledged(plain));
    assert.equal((await compared(store, sent(2))).held, 2);
    assert.equal((await compared(store, sent(3))).missing, 1);
    assert.equal((await compared(store, sent(1))).missing, 0);
  });

  it('takes a ledger that is larger than what is held at once', async () => {
    const store = await storeWith(events.slice(1));
    const sent = Array.from({ length: 420_000 }, (_, at) => acknowledged(events[at % 40] as Observation));
    const { acknowledged: distinct, held, missing, devices, more } = await compared(store, sent);
    assert.deepEqual([distinct, held, missing, devices, more], [40, 39, 1, 4, 0]);
  });

  it('tells no more than it is asked to, and counts all', async () => {
    const result = await compared(await storeWith([]), events.map(acknowledged));
    assert.equal(result.faults.length, 5);
    assert.equal(result.missing, 40);
  });
});
