import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { openPostgresAdmin } from '../../../src/adapters/store/postgres/admin/postgres-admin.ts';
import { migrations } from '../../../src/adapters/store/postgres/migrations/versions.ts';
import { openPostgresStore } from '../../../src/adapters/store/postgres/postgres-store.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { MigrationReport, MigrationRequest } from '../../../src/ports/store-admin.ts';
import { PostgresServer } from '../../postgres/postgres-server.ts';
import { answersOf, sampleGroup } from './sample-data.ts';

const newest = migrations.length;

let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start();
});
after(() => server.stop());

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

async function rowsOf(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  return (await server.query(text, databaseOf(url))).rows;
}

async function migrate(url: string, fields: Partial<MigrationRequest>): Promise<MigrationReport> {
  const admin = await openPostgresAdmin(url);
  try {
    return await admin.migrate({ down: false, dropData: false, dryRun: false, ...fields });
  } finally {
    await admin.close();
  }
}

const down = (url: string, to: number): Promise<MigrationReport> =>
  migrate(url, { to, down: true, dropData: true });

async function withStore<T>(url: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openPostgresStore(url, { partial: 'failure' });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

async function filledStore(): Promise<string> {
  const url = await server.createDatabase();
  await withStore(url, (store) => store.commit(sampleGroup()));
  return url;
}

/** Contents of all tables but the versions, each as a number of rows and a digest. */
async function contents(url: string): Promise<Readonly<Record<string, unknown>>> {
  const tables = await rowsOf(
    url,
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'pisync'
       AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'schema_version' ORDER BY 1`,
  );
  const all: Record<string, unknown> = {};
  for (const { name } of tables) {
    [all[String(name)]] = await rowsOf(
      url,
      `SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM pisync.${String(name)} t`,
    );
  }
  return all;
}

/** All objects of the schema, and whether its indexes are valid. */
function objects(url: string): Promise<unknown> {
  return rowsOf(
    url,
    `SELECT c.relname, c.relkind, x.indisvalid, pg_get_indexdef(c.oid) AS definition FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index x ON x.indexrelid = c.oid
     WHERE n.nspname = 'pisync' ORDER BY 1`,
  );
}

const invalidIndexes = (url: string): Promise<readonly unknown[]> =>
  rowsOf(url, 'SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid');

const versionsOf = async (url: string): Promise<readonly unknown[]> =>
  (await rowsOf(url, 'SELECT version FROM pisync.schema_version ORDER BY 1')).map(({ version }) => version);

/** The index that the planner takes where it may not read a whole table. */
async function plan(url: string, question: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SET search_path = pisync; SET enable_seqscan = off; SET enable_sort = off');
  const { rows } = await client.query(`EXPLAIN ${question}`);
  await client.end();
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

interface Case {
  /** Takes everything with it on the way down. */
  readonly empties?: true;
  /** A table that goes on the way down, and is filled again by the next start. */
  readonly makes?: string;
  /** What must be true at this version. */
  readonly check: (url: string) => Promise<void>;
}

/** One case for each version. A new version adds one. */
const cases: Readonly<Record<number, Case>> = {
  1: {
    empties: true,
    check: async (url) => assert.equal((await contents(url))['store'] !== undefined, true),
  },
  2: {
    makes: 'failure_count',
    check: async (url) => {
      const [counted] = await rowsOf(url, 'SELECT count(*)::int AS rows FROM pisync.failure_count');
      assert.deepEqual(counted, { rows: 1 });
    },
  },
  3: {
    check: async (url) => {
      const worst =
        'SELECT device_id FROM device WHERE (failed + partial) > 3 ORDER BY (failed + partial) DESC, device_id LIMIT 10';
      assert.match(await plan(url, worst), /Index (Only )?Scan using device_total_failures/);
    },
  },
  4: {
    check: async (url) => {
      const failed = `SELECT position FROM sync_event WHERE device_id = 'pi-1' AND total_errors > 0 AND total_files_synced = 0
        ORDER BY timestamp DESC, epoch_index DESC, tie DESC LIMIT 10`;
      assert.match(await plan(url, failed), /using sync_event_2026_11_failures|using sync_event_\w+_idx/);
      // One part for each partition, those that were made later included.
      const [{ partitions, parts } = {}] = await rowsOf(
        url,
        `SELECT (SELECT count(*) FROM pg_inherits WHERE inhparent = 'pisync.sync_event'::regclass) AS partitions,
           (SELECT count(*) FROM pg_inherits WHERE inhparent = 'pisync.sync_event_failures'::regclass) AS parts`,
      );
      assert.equal(parts, partitions);
      assert.ok(Number(partitions) >= 4);
    },
  },
};

describe('versions of the tables in PostgreSQL', () => {
  test('all have a case', () => {
    assert.deepEqual(
      Object.keys(cases).map(Number),
      migrations.map(({ version }) => version),
    );
  });

  for (const { version, name } of migrations) {
    test(`${version} (${name}) goes down and up again on a store with data in it`, async () => {
      const { empties, makes, check } = cases[version] as Case;
      const url = await filledStore();
      const answers = await withStore(url, answersOf);
      await down(url, version);
      await check(url);
      const above = { ...(await contents(url)) };
      if (makes !== undefined) delete above[makes];
      for (let round = 0; round < 2; round += 1) {
        await down(url, version - 1);
        assert.equal((await versionsOf(url)).length, version - 1);
        if (empties === true) assert.deepEqual(await contents(url), {});
        else assert.deepEqual(await contents(url), above);
        await migrate(url, { to: version });
        assert.equal((await versionsOf(url)).length, version);
        if (empties !== true) await check(url);
      }
      assert.deepEqual(await invalidIndexes(url), []);
      await migrate(url, {});
      await withStore(url, async (store) => {
        if (empties !== true) {
          assert.deepEqual(await answersOf(store), answers);
          assert.deepEqual(new Set(await store.commit(sampleGroup())), new Set(['duplicate']));
          return;
        }
        assert.deepEqual((await answersOf(store)).devices, []);
        assert.deepEqual(new Set(await store.commit(sampleGroup())), new Set(['stored']));
        assert.deepEqual({ ...(await answersOf(store)), quarantine: null }, { ...answers, quarantine: null });
      });
    });
  }

  test('leave nothing behind at the way down to 0', async () => {
    const url = await filledStore();
    await down(url, 0);
    assert.deepEqual(
      ((await objects(url)) as { relname: string }[]).map(({ relname }) => relname),
      ['schema_version', 'schema_version_pkey'],
    );
  });

  test('end alike wherever a try stopped, up and down', async () => {
    const url = await filledStore();
    const top = await objects(url);
    await down(url, 1);
    const bottom = await objects(url);
    const directions = [
      { request: {}, at: top },
      { request: { to: 1, down: true }, at: bottom },
    ];
    for (let statements = 0, ended = false; !ended; statements += 1) {
      ended = true;
      for (const { request, at } of directions) {
        let left = statements;
        const onStatement = (): void => {
          left -= 1;
          if (left < 0) throw new Error('stopped here');
        };
        await migrate(url, { ...request, onStatement }).catch((error: Error) => {
          assert.equal(error.message, 'stopped here');
          ended = false;
        });
        await migrate(url, request).catch((error) => assert.match(error.message, /the way to 1 leads/));
        assert.deepEqual(await invalidIndexes(url), []);
        // A name may differ where a partition got its part by itself.
        assert.equal((at as unknown[]).length, ((await objects(url)) as unknown[]).length);
      }
    }
  });

  test('build an index again that a killed build left invalid', async () => {
    for (const [table, left] of [
      ['device', 'device_total_failures'],
      ['sync_event', 'sync_event_2026_11_failures'],
    ]) {
      const url = await filledStore();
      await down(url, 2);
      if (table === 'sync_event') await migrate(url, { to: 3 });
      const stranger = new pg.Client({ connectionString: url });
      await stranger.connect();
      // Rows of this partition are being written, so that the build has to wait for the end of that.
      const held = table === 'device' ? 'device' : 'sync_event_2026_11';
      await stranger.query(`BEGIN; UPDATE pisync.${held} SET device_id = device_id WHERE device_id = 'pi-1'`);
      const killed = assert.rejects(migrate(url, { to: table === 'device' ? 3 : 4 }));
      const building = `FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%${held}%' AND wait_event_type = 'Lock'
        AND datname = '${databaseOf(url)}'`;
      while ((await rowsOf(url, `SELECT ${building}`)).length === 0) await delay(20);
      await rowsOf(url, `SELECT pg_terminate_backend(pid) ${building}`);
      await killed;
      await stranger.query('COMMIT');
      await stranger.end();
      const invalid = (await invalidIndexes(url)) as { indexrelid: string }[];
      assert.ok(invalid.some(({ indexrelid }) => indexrelid === `pisync.${left}`));
      assert.equal((await versionsOf(url)).length, table === 'device' ? 2 : 3);
      await migrate(url, {});
      assert.deepEqual(await invalidIndexes(url), []);
      assert.equal((await versionsOf(url)).length, newest);
      await cases[newest]?.check(url);
    }
  });

  test('let commits go on while an index is built, and count partitions that are made meanwhile', async () => {
    const url = await filledStore();
    await down(url, 2);
    await withStore(url, async (store) => {
      const later = sampleGroup().observations.map((one) => ({
        ...one,
        epoch: 'epoch-2',
        timestamp: one.timestamp - 200 * 86_400_000,
      }));
      const [outcomes] = await Promise.all([
        store.commit({ observations: later, rejected: [] }),
        migrate(url, {}),
      ]);
      assert.deepEqual(new Set(outcomes), new Set(['stored']));
    });
    await migrate(url, {});
    await cases[4]?.check(url);
    assert.deepEqual(await invalidIndexes(url), []);
  });

  test('are done once where several begin at once', async () => {
    const url = await server.createDatabase();
    const stores = await Promise.all(
      Array.from({ length: 4 }, () => openPostgresStore(url, { partial: 'failure' })),
    );
    assert.deepEqual(
      await versionsOf(url),
      migrations.map(({ version }) => version),
    );
    await stores[0]?.commit(sampleGroup());
    for (const store of stores) await store.close();
    await down(url, 1);
    const reports = await Promise.all([migrate(url, {}), migrate(url, {}), migrate(url, {})]);
    for (const report of reports) assert.equal(report.to, newest);
    assert.equal((await versionsOf(url)).length, newest);
    assert.deepEqual(await invalidIndexes(url), []);
  });
});

describe('opening a store in PostgreSQL', () => {
  test('leaves what is built beside running servers to pisync store migrate', async () => {
    const url = await filledStore();
    await down(url, 2);
    await withStore(url, async (store) => {
      assert.deepEqual(new Set(await store.commit(sampleGroup())), new Set(['duplicate']));
    });
    assert.deepEqual(await versionsOf(url), [1, 2]);
    const admin = await openPostgresAdmin(url);
    const { version, pending, tables, bytes } = await admin.status();
    await admin.close();
    assert.deepEqual([version, pending.map(({ to }) => to)], [2, [3, 4]]);
    const events = tables.filter(
      ({ name, partitionOf }) => name === 'sync_event' || partitionOf === 'sync_event',
    );
    assert.ok(events.length > 4 && events.every((table) => table.bytes > 0));
    assert.ok(bytes > (events[0]?.bytes ?? 0));
  });

  test('does all of it where nothing was ever committed', async () => {
    const url = await server.createDatabase();
    await migrate(url, { to: 1 });
    await withStore(url, async () => {});
    assert.equal((await versionsOf(url)).length, newest);
  });

  test('is refused of a store of a newer version, and so is all else', async () => {
    const url = await filledStore();
    await rowsOf(url, `INSERT INTO pisync.schema_version VALUES (${newest + 1}, 'later')`);
    await assert.rejects(openPostgresStore(url, { partial: 'failure' }), { code: 'store_newer' });
    await assert.rejects(migrate(url, {}), { code: 'store_newer' });
    await assert.rejects(migrate(url, { dryRun: true }), { code: 'store_newer' });
    const admin = await openPostgresAdmin(url);
    await assert.rejects(admin.status(), { code: 'store_newer' });
    await assert.rejects(admin.policies(), { code: 'store_newer' });
    await admin.close();
  });
});

test('a dry run tells what would run and runs nothing', async () => {
  const empty = await server.createDatabase();
  const first = await migrate(empty, { dryRun: true });
  assert.deepEqual([first.from, first.to, first.steps.length], [0, newest, newest]);
  assert.deepEqual(await rowsOf(empty, "SELECT FROM pg_namespace WHERE nspname = 'pisync'"), []);

  const url = await filledStore();
  await down(url, 1);
  const before = await objects(url);
  const rehearsed = await migrate(url, { dryRun: true });
  assert.deepEqual(await objects(url), before);
  const statements = rehearsed.steps.flatMap((step) => step.statements);
  assert.ok(statements.some((text) => /CREATE INDEX CONCURRENTLY sync_event_2026_11_failures/.test(text)));
  assert.deepEqual(await migrate(url, {}), rehearsed);
});
