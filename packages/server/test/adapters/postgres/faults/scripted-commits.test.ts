import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import pg from 'pg';
import {
  CommitWriter,
  type PreparedCommit,
} from '../../../../src/adapters/store/postgres/commit/commit-writer.ts';
import { prepareGroup } from '../../../../src/adapters/store/postgres/commit/group-commit.ts';
import {
  Database,
  usualDatabaseOptions,
} from '../../../../src/adapters/store/postgres/connection/database.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { PartitionTable } from '../../../../src/adapters/store/postgres/schema/partitions.ts';
import { ScriptRunner } from '../../../../src/adapters/store/postgres/wire/script-runner.ts';
import { counted, failed, group, observation } from '../../../../src/conformance/make-events.ts';
import { placeEvent, referenceDevice } from '../../../../src/conformance/model/reference-device.ts';
import { readHistory } from '../../../../src/conformance/read-store.ts';
import type { CommitGroup, Store } from '../../../../src/ports/store.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const policy = { partial: 'failure' } as const;

const lost = new Error('Connection terminated unexpectedly');

/** An event that nobody could recognise: what is done twice is there twice. */
const bare = observation({ deviceTime: null });

describe('commits that are worked out ahead', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.stop());

  /** A writer that has committed, so that it knows the store, and a store to look with. */
  async function withWriter(
    body: (writer: CommitWriter, store: Store, place: string) => Promise<void>,
  ): Promise<void> {
    const place = await server.createDatabase();
    const store = await openPostgresStore(place, policy);
    const database = new Database(place, usualDatabaseOptions);
    const writer = new CommitWriter(database, new PartitionTable(database), policy.partial);
    try {
      for (const seq of [0, 1]) await writer.commit([prepareGroup(group(counted(seq)))]);
      await body(writer, store, place);
      const errors = (await store.verify()).filter(({ severity }) => severity === 'error');
      assert.deepEqual(errors, []);
    } finally {
      await writer.close();
      await database.close();
      await store.close();
      await server.dropDatabase(place);
    }
  }

  const prepare = async (writer: CommitWriter, work: CommitGroup): Promise<PreparedCommit> => {
    const commit = await writer.prepare([prepareGroup(work)]);
    assert.ok(commit !== undefined, 'it was not worked out ahead');
    return commit;
  };
  const events = async (store: Store): Promise<number> =>
    (await readHistory(store, { deviceId: 'pi-1' })).length;

  test('change nothing when the server gets to them after they were given up and done again', () =>
    withWriter(async (writer, store, place) => {
      const work = group(bare, counted(2, failed));
      const late = await prepare(writer, work);
      await server.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%COMMIT%' AND pid <> pg_backend_pid()",
      );
      const error = await writer.send(late).catch((reason: unknown) => reason);
      const answer = await writer.commit([prepareGroup(work)], { commit: late, error });
      assert.deepEqual(answer.outcomes, [['stored', 'stored']]);
      const other = new pg.Client(place);
      await other.connect();
      await assert.rejects(new ScriptRunner(other).run(late.script), { code: '22012' });
      await other.end();
      assert.equal(await events(store), 4);
    }));

  test('are answered as they were when they were kept and the answer was lost', () =>
    withWriter(async (writer, store) => {
      const work = group(bare, counted(2));
      const kept = await prepare(writer, work);
      await writer.send(kept);
      const answer = await writer.commit([prepareGroup(work)], { commit: kept, error: lost });
      assert.deepEqual(answer, kept.answer);
      assert.equal(await events(store), 4);
    }));

  test('fall with the one before them, and are done again in their order', () =>
    withWriter(async (writer, store) => {
      const repeated = group(counted(1), bare);
      const behind = group(bare, counted(2));
      const one = await prepare(writer, repeated);
      const first = writer.send(one);
      const other = await prepare(writer, behind);
      const second = writer.send(other);
      const [{ reason: why }, { reason: andWhy }] = (await Promise.allSettled([
        first,
        second,
      ])) as PromiseRejectedResult[] as [PromiseRejectedResult, PromiseRejectedResult];
      assert.equal(why.code, '23505');
      const again = await writer.commit([prepareGroup(repeated)], { commit: one, error: why });
      const last = await writer.commit([prepareGroup(behind)], { commit: other, error: andWhy });
      assert.deepEqual([again.outcomes, last.outcomes], [[['duplicate', 'stored']], [['stored', 'stored']]]);
      assert.deepEqual([last.position, await events(store)], [5, 5]);
    }));

  test('change nothing where another process has committed since', () =>
    withWriter(async (writer, store) => {
      const work = group(bare, counted(2));
      const late = await prepare(writer, work);
      assert.deepEqual(await store.commit(group(counted(2, failed))), ['stored']);
      const error = await writer.send(late).catch((reason: unknown) => reason);
      assert.equal((error as { code?: string }).code, '22012');
      const answer = await writer.commit([prepareGroup(work)], { commit: late, error });
      assert.deepEqual(answer.outcomes, [['stored', 'conflict']]);
      assert.equal(await events(store), 4);
    }));

  test('change nothing where another process has only counted a conflict since', () =>
    withWriter(async (writer, store) => {
      const work = group(counted(2));
      const late = await prepare(writer, work);
      assert.deepEqual(await store.commit(group(counted(1, failed))), ['conflict']);
      const error = await writer.send(late).catch((reason: unknown) => reason);
      const answer = await writer.commit([prepareGroup(work)], { commit: late, error });
      assert.deepEqual(answer.outcomes, [['stored']]);
      assert.equal((await store.device('pi-1'))?.totals.conflicts, 1);
    }));

  test('store each event once, whoever sends what how often, and derive what the model derives', async () => {
    const arbitraryGroup = fc.array(fc.record({ device: fc.nat(4), seq: fc.nat(200), fails: fc.boolean() }), {
      minLength: 1,
      maxLength: 40,
    });
    /** Groups that come at once, and which of two processes takes them. */
    const bursts = fc.array(
      fc.record({ writer: fc.nat(1), groups: fc.array(arbitraryGroup, { minLength: 1, maxLength: 12 }) }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(bursts, async (history) => {
        const place = await server.createDatabase();
        const stores = [await openPostgresStore(place, policy), await openPostgresStore(place, policy)];
        try {
          let stored = 0;
          for (const { writer, groups } of history) {
            const answers = await Promise.all(
              groups.map((items) =>
                (stores[writer] as Store).commit(
                  group(
                    ...items.map(({ device, seq, fails }) =>
                      counted(seq, { deviceId: `pi-${device}`, ...(fails ? failed : {}) }),
                    ),
                  ),
                ),
              ),
            );
            stored += answers.flat().filter((outcome) => outcome === 'stored').length;
          }
          const sent = history.flatMap(({ groups }) => groups.flat());
          const distinct = new Set(sent.map(({ device, seq }) => `${device} ${seq}`));
          assert.equal(stored, distinct.size);
          const store = stores[0] as Store;
          for (const device of new Set(sent.map((one) => `pi-${one.device}`))) {
            const found = (await readHistory(store, { deviceId: device })).map(placeEvent);
            const state = await store.device(device);
            const conflicts = state?.totals.conflicts ?? 0;
            assert.deepEqual(state, referenceDevice(found, conflicts, policy));
          }
          const errors = (await store.verify()).filter(({ severity }) => severity === 'error');
          assert.deepEqual(errors, []);
        } finally {
          await Promise.all(stores.map((store) => store.close()));
          await server.dropDatabase(place);
        }
      }),
      { numRuns: 12 },
    );
  });
});
