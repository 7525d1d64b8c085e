import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { openPostgresStore } from '../../../src/adapters/store/postgres/postgres-store.ts';
import { compareStores } from '../../../src/services/compare/compare-stores.ts';
import { explainDifference } from '../../../src/services/compare/explain-difference.ts';
import { PostgresServer } from '../../postgres/postgres-server.ts';
import { altered, collected, contents, fill, type Item, keyOf, placeOf, storeOf } from './contents.ts';

/** The same items in every run: of all kinds, devices and days. */
const items = fc
  .sample(contents, { numRuns: 20, seed: 7 })
  .reduce((longest, other) => (other.length > longest.length ? other : longest));

describe('comparing a store in PostgreSQL with another kind of store', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.stop());

  it('finds what differs, and nothing where both hold the same', async () => {
    const store = await openPostgresStore(await server.createDatabase(), { partial: 'failure' });
    try {
      await fill(store, items, 3);
      assert.deepEqual(await collected(compareStores(await storeOf(items), store)), []);
      for (const kind of ['events', 'telemetry', 'detections']) {
        const one = items.find((item) => item.kind === kind) as Item;
        const other = await storeOf(items.map((item) => (item === one ? altered(item, 0) : item)));
        const differences = await collected(compareStores(other, store));
        assert.deepEqual(differences.map(placeOf), [keyOf(one)]);
        const { missing, more, different } = await explainDifference(other, store, keyOf(one), 5);
        assert.ok(missing.length + more.length + different.length > 0);
      }
    } finally {
      await store.close();
    }
  });
});
