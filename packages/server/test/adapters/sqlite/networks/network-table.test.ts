import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MemoryNetworks } from '../../../../src/adapters/store/memory/memory-networks.ts';
import { NETWORK_SCHEMA } from '../../../../src/adapters/store/sqlite/format/network-schema.ts';
import {
  foldDetections,
  foldRows,
  type NetworkBatch,
} from '../../../../src/adapters/store/sqlite/networks/network-batch.ts';
import { NetworkQueries } from '../../../../src/adapters/store/sqlite/networks/network-queries.ts';
import { NetworkTable } from '../../../../src/adapters/store/sqlite/networks/network-table.ts';
import { anyQuestions, anySightings } from '../../../../src/conformance/detections/any-networks.ts';
import { assertSameNetworks } from '../../../../src/conformance/detections/compare-networks.ts';
import { detection } from '../../../../src/conformance/detections/make-detections.ts';
import type { DetectionStore, StoredDetection } from '../../../../src/ports/detection-store.ts';
import { spaceOf, wander } from '../sealed-detections/sealed-rows.ts';

/** A table and what is asked of it, on one connection. */
class Place {
  readonly db = new DatabaseSync(':memory:');
  readonly table: NetworkTable;
  readonly queries: NetworkQueries;
  #folds = 0;

  constructor() {
    this.db.exec(NETWORK_SCHEMA);
    this.table = new NetworkTable(this.db);
    this.queries = new NetworkQueries(this.db);
  }

  /** In turn as the thread that writes does and as a seal does. */
  fold(rows: readonly StoredDetection[]): void {
    this.#folds += 1;
    const before = wander(3, this.#folds, 1);
    this.take(this.#folds % 2 === 0 ? [foldDetections(rows)] : foldRows(spaceOf([...before, ...rows]), 3));
  }

  take(batches: Iterable<NetworkBatch>): void {
    this.db.exec('BEGIN');
    for (const batch of batches) this.table.fold(batch);
    this.db.exec('COMMIT');
  }

  /** In the shape of the port. */
  reader(): Parameters<typeof assertSameNetworks>[0] {
    const { queries } = this;
    const answers: { [K in keyof Parameters<typeof assertSameNetworks>[0]]: DetectionStore[K] } = {
      networks: async (query) => queries.networks(query),
      network: async (key) => queries.network(key),
      networkGrid: async (query) => queries.networkGrid(query),
      changes: async (query) => queries.changes(query),
      namesakes: async (query) => queries.namesakes(query),
    };
    return answers;
  }
}

describe('the table of networks', () => {
  test('answers as the model does, however detections are cut into slices and whenever it is asked', async () => {
    await fc.assert(
      fc.asyncProperty(
        anySightings,
        fc.infiniteStream(fc.integer({ min: 1, max: 20 })),
        anyQuestions,
        async (sightings, sizes, questions) => {
          const place = new Place();
          const all: StoredDetection[] = [];
          const model = new MemoryNetworks(all, () => undefined);
          try {
            for (const size of sizes) {
              await assertSameNetworks(place.reader(), model, questions);
              if (all.length === sightings.length) break;
              const slice = sightings
                .slice(all.length, all.length + size)
                .map((one, at) => ({ ...one, ordinal: all.length + at + 1 }));
              place.fold(slice);
              all.push(...slice);
            }
          } finally {
            place.db.close();
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test('tells the longest known and the newest of very many networks of a name', async () => {
    const all = Array.from({ length: 70 }, (_, at): StoredDetection => {
      const identity = `0${at % 2 === 0 ? 0 : 2}:00:00:00:00:${(at + 1).toString(16).padStart(2, '0').toUpperCase()}`;
      return { ...detection({ identity, timestamp: 1_000_000 + ((at * 37) % 70) }), ordinal: at + 1 };
    });
    const place = new Place();
    place.fold(all);
    const [found, ...more] = place.queries.namesakes({ limit: 10 });
    assert.equal(more.length, 0);
    assert.deepEqual(
      found?.networks.map(({ firstSeenAt }) => firstSeenAt - 1_000_000),
      Array.from({ length: 50 }, (_, at) => (at < 25 ? at : at + 20)),
    );
    const model = new MemoryNetworks(all, () => undefined);
    assert.deepEqual(found, (await model.namesakes({ limit: 10 }))[0]);
    place.db.close();
  });

  test('answers as the model does for more networks and variants than one page or step has', async () => {
    const all = Array.from({ length: 1200 }, (_, at): StoredDetection => {
      const identity = `00:00:00:00:${(at % 11 === 0 ? 0 : 1 + (at % 7)).toString().padStart(2, '0')}:${(1 + (at % 90)).toString().padStart(2, '0')}`;
      const fields = { identity, name: `n${(at * 7) % 300}`, timestamp: 1_000_000 + ((at * 7919) % 1201) };
      return { ...detection(fields), ordinal: at + 1 };
    });
    const place = new Place();
    for (let at = 0; at < all.length; at += 300) place.fold(all.slice(at, at + 300));
    const model = new MemoryNetworks(all, () => undefined);
    for (const limit of [3, 200]) {
      const changes = { from: 0, to: 2_000_000, limit };
      await assertSameNetworks(place.reader(), model, { filter: {}, limit: 97, zoom: 4, changes });
    }
    place.db.close();
  });

  test('says the same of more networks than one batch has, each batch in the order of radios', () => {
    const hex = (value: number) => value.toString(16).padStart(2, '0').toUpperCase();
    const all = Array.from({ length: 40_000 }, (_, at): StoredDetection => {
      const network = (at * 7919) % 19_991;
      const identity = `00:00:00:01:${hex(network >> 8)}:${hex(network & 255)}`;
      const fields = { identity, name: network % 5 === 0 ? `n${at % 3}` : 'n', timestamp: (at * 31) % 1000 };
      return { ...detection(network % 9 === 0 ? { ...fields, type: 'cellular' } : fields), ordinal: at + 1 };
    });
    const [one, many] = [new Place(), new Place()];
    const batches = [...foldRows(spaceOf(all), 0)];
    one.take([foldDetections(all)]);
    many.take(batches);
    const rows = ({ db }: Place) => {
      const sums = new Set(['id', 'changed', 'weight', 'x', 'y', 'z']);
      const exact = (row: object) => Object.entries(row).filter(([column]) => !sums.has(column));
      const networks = db.prepare('SELECT * FROM network ORDER BY radio').all().map(exact);
      const variants = `SELECT radio, v.* FROM network_variant v JOIN network n ON n.id = network
        ORDER BY radio, v.name, v.security`;
      return [
        networks,
        db
          .prepare(variants.replace('v.*', 'v.name, v.security, v.first_seen, v.last_seen, v.detections'))
          .all(),
      ];
    };
    assert.deepEqual(rows(many), rows(one));
    assert.ok(batches.length > 1, `${batches.length} batches`);
    for (const { radios, radioTexts, count } of batches) {
      assert.deepEqual([...radios, ...radioTexts].length, count);
      assert.ok(radios.every((radio, at) => at === 0 || radio > (radios[at - 1] as number)));
      assert.deepEqual(radioTexts, [...radioTexts].sort());
    }
    one.db.close();
    many.db.close();
  });

  test('finds the newest of more networks than it keeps at once', () => {
    const place = new Place();
    const hex = (value: number) => value.toString(16).padStart(2, '0').toUpperCase();
    const all = Array.from({ length: 4000 }, (_, at): StoredDetection => {
      const identity = `00:00:00:01:${hex(at >> 8)}:${hex(at & 255)}`;
      return { ...detection({ identity, timestamp: (at * 2741) % 4000 }), ordinal: at + 1 };
    });
    place.fold(all);
    const first = place.queries.networks({ filter: {}, limit: 3 });
    const second = place.queries.networks({ filter: {}, limit: 2, after: first.next ?? undefined });
    assert.deepEqual(
      [...first.items, ...second.items].map(({ lastSeenAt }) => lastSeenAt),
      [3999, 3998, 3997, 3996, 3995],
    );
    place.db.close();
  });
});
