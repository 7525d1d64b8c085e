import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { counted, group, observation } from '../../../../src/conformance/make-events.ts';
import { readHistory } from '../../../../src/conformance/read-store.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { CuttingProxy } from '../../../postgres/cutting-proxy.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const policy = { partial: 'failure' } as const;

describe('a connection that is lost while a commit ends', () => {
  let server: PostgresServer;
  let proxy: CuttingProxy;
  before(async () => {
    server = await PostgresServer.start();
    proxy = await CuttingProxy.start(server.port);
  });
  after(async () => {
    await proxy.stop();
    await server.stop();
  });

  async function withStore(body: (store: Store) => Promise<void>): Promise<void> {
    const place = await server.createDatabase();
    const store = await openPostgresStore(proxy.url(place), policy);
    try {
      await body(store);
      const errors = (await store.verify()).filter(({ severity }) => severity === 'error');
      assert.deepEqual(errors, []);
    } finally {
      await store.close();
      await server.dropDatabase(place);
    }
  }

  for (const cut of ['before', 'after'] as const) {
    test(`${cut} the server has ended it, gives exact outcomes and stores once`, () =>
      withStore(async (store) => {
        await store.commit(group(counted(0)));
        const cuts = proxy.cuts;
        proxy.cutNext(cut);
        // An event without an identity would be stored twice by a blind repetition, and nobody could tell.
        const bare = observation({ deviceTime: null });
        const outcomes = await store.commit(group(counted(1), counted(0), bare));
        assert.equal(proxy.cuts, cuts + 1);
        assert.deepEqual(outcomes, ['stored', 'duplicate', 'stored']);
        assert.equal(store.status().state, 'ready');
        assert.equal((await readHistory(store, { deviceId: 'pi-1' })).length, 3);
        assert.deepEqual(await store.commit(group(counted(1), counted(2))), ['duplicate', 'stored']);
      }));
  }

  for (const cut of ['before', 'after'] as const) {
    test(`${cut} the server has ended it, with another commit sent behind it, gives exact outcomes and stores once`, () =>
      withStore(async (store) => {
        const devices = 70;
        const batch = (from: number) =>
          group(
            ...Array.from({ length: devices }, (_, at) => counted(from, { deviceId: `pi-${at}` })),
            // Without identities: what is done twice is there twice.
            observation({ deviceTime: null }),
          );
        for (let seq = 0; seq < 3; seq++) await store.commit(batch(seq));
        for (let round = 0; round < 4; round++) {
          const cuts = proxy.cuts;
          proxy.cutNext(cut);
          const seqs = Array.from({ length: 5 }, (_, at) => 3 + round * 5 + at);
          const answers = await Promise.all(seqs.map((seq) => store.commit(batch(seq))));
          assert.equal(proxy.cuts, cuts + 1);
          assert.deepEqual(
            answers.flat(),
            answers.flat().map(() => 'stored'),
          );
          // So that scripts are sent again.
          await store.commit(batch(100 + 2 * round));
          await store.commit(batch(101 + 2 * round));
        }
        assert.equal(store.status().position, (3 + 4 * 7) * (devices + 1));
        assert.equal((await readHistory(store, { deviceId: 'pi-0' })).length, 31);
      }));
  }

  test('at random moments under load loses and doubles nothing', () =>
    withStore(async (store) => {
      const sent = 300;
      let stored = 0;
      for (let first = 0; first < sent; first += 10) {
        if (first % 30 === 0) proxy.cutNext(first % 60 === 0 ? 'before' : 'after');
        const answers = await Promise.all(
          Array.from({ length: 10 }, (_, i) =>
            store.commit(
              group(counted(first + i, { deviceId: `pi-${i % 3}` }), observation({ deviceTime: null })),
            ),
          ),
        );
        stored += answers.flat().filter((outcome) => outcome === 'stored').length;
      }
      assert.equal(stored, 2 * sent);
      assert.equal(store.status().position, 2 * sent);
    }));
});
