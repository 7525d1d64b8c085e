import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import { openSqliteAdmin } from '../../../src/adapters/store/sqlite/admin/sqlite-admin.ts';
import { migrations } from '../../../src/adapters/store/sqlite/format/versions.ts';
import type { Everything } from '../../../src/conformance/read-store.ts';
import type { StoreAdmin } from '../../../src/ports/store-admin.ts';
import { placeFor, withStore } from '../sqlite/store/place.ts';
import { removeStores, soundStore } from '../sqlite/verify/sound-store.ts';
import { answersOf, sampleGroup } from './sample-data.ts';

after(removeStores);

/** What of the answers is left when a store was taken down below a version and up again. A new version adds a line. */
const cases: Readonly<Record<number, (everything: Everything) => Partial<Everything>>> = {
  1: () => ({ devices: [], histories: {}, telemetry: {}, detections: [] }),
  2: ({ fleet, quarantine }) => ({ fleet, quarantine, telemetry: {}, detections: [] }),
  3: ({ fleet, quarantine, telemetry }) => ({ fleet, quarantine, telemetry, detections: [] }),
  4: (everything) => everything,
};

async function migrate(path: string, to: number, down: boolean): Promise<void> {
  const admin = openSqliteAdmin(path);
  await admin.migrate({ to, down, dropData: true, dryRun: false });
  await admin.close();
}

const schemaOf = (path: string): unknown => {
  const db = new DatabaseSync(path, { readOnly: true });
  const schema = db
    .prepare("SELECT name, sql FROM sqlite_schema WHERE name <> 'sqlite_sequence' ORDER BY name")
    .all();
  db.close();
  return schema;
};

const versionOf = (path: string): unknown => {
  const db = new DatabaseSync(path, { readOnly: true });
  const row = db.prepare('PRAGMA user_version').get();
  db.close();
  return row?.['user_version'];
};

describe('versions of the store in a file', () => {
  test('all have a case', () => {
    assert.deepEqual(
      Object.keys(cases).map(Number),
      migrations.map(({ version }) => version),
    );
  });

  for (const { version, name } of migrations) {
    test(`${version} (${name}) goes down and up again on a store with data in it`, async (context) => {
      for (const fill of version > 2 ? ['logs', 'runs'] : ['logs']) {
        const path = fill === 'logs' ? placeFor(context) : soundStore();
        if (fill === 'logs') await withStore(path, (store) => store.commit(sampleGroup()));
        const before = await withStore(path, answersOf);
        const schema = schemaOf(path);
        await migrate(path, version - 1, true);
        assert.equal(versionOf(path), version - 1);
        const below = schemaOf(path);
        await migrate(path, version, false);
        await migrate(path, version - 1, true);
        assert.deepEqual(schemaOf(path), below);
        await migrate(path, version, false);
        assert.equal(versionOf(path), version);
        // Opening does the rest.
        const after = await withStore(path, answersOf);
        assert.deepEqual(schemaOf(path), schema);
        const expected = cases[version]?.(before) ?? {};
        for (const [key, value] of Object.entries(expected)) {
          assert.deepEqual(after[key as keyof Everything], value, `${fill}: ${key}`);
        }
        const findings = await withStore(path, (store) => store.verify());
        assert.deepEqual(
          findings.filter(({ severity }) => severity === 'error'),
          [],
        );
        if (version === 1) continue;
        // Counters that were used stay used.
        const again = await withStore(path, (store) => store.commit({ ...sampleGroup(), points: undefined }));
        if (fill === 'logs') assert.deepEqual(new Set(again), new Set(['duplicate']));
      }
    });
  }
});

describe('the admin of a store in a file', () => {
  async function withAdmin(path: string, use: (admin: StoreAdmin) => Promise<void>): Promise<void> {
    const admin = openSqliteAdmin(path);
    await use(admin);
    await admin.close();
  }

  test('tells version, tables with their rows, and what pends, also while a server has the store', async (context) => {
    const path = placeFor(context);
    await withStore(path, async (store) => {
      await store.commit(sampleGroup());
      await withAdmin(path, async (admin) => {
        const { version, newest, pending, tables, bytes } = await admin.status();
        assert.deepEqual([version, newest, pending], [migrations.length, migrations.length, []]);
        assert.equal(tables.find(({ name }) => name === 'quarantine')?.rows, 1);
        assert.equal(
          bytes,
          tables.reduce((sum, table) => sum + table.bytes, 0),
        );
        await assert.rejects(admin.migrate({ down: false, dropData: false, dryRun: false }), {
          code: 'store_locked',
        });
      });
    });
    await migrate(path, 3, true);
    await withAdmin(path, async (admin) => {
      const { version, pending } = await admin.status();
      assert.deepEqual([version, pending.map(({ name }) => name)], [3, ['rollups']]);
    });
  });

  test('a dry run tells the statements and leaves every byte as it is', async (context) => {
    const path = placeFor(context);
    await withStore(path, (store) => store.commit(sampleGroup()));
    const before = readFileSync(path);
    await withAdmin(path, async (admin) => {
      const said: string[] = [];
      const { steps } = await admin.migrate({
        to: 2,
        down: true,
        dropData: false,
        dryRun: true,
        onStatement: ({ to }, statement) => said.push(`${to}: ${statement}`),
      });
      assert.deepEqual(
        said,
        steps.flatMap(({ to, statements }) => statements.map((statement) => `${to}: ${statement}`)),
      );
      assert.ok(said.includes('3: DROP TABLE point_rollup') && said.includes('2: PRAGMA user_version = 2'));
    });
    assert.deepEqual(readFileSync(path), before);
  });

  test('a step that fails changes nothing', async (context) => {
    const path = placeFor(context);
    await withStore(path, (store) => store.commit(sampleGroup()));
    await migrate(path, 3, true);
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE point_rollup (stranger)');
    db.close();
    await assert.rejects(migrate(path, 4, false), /already exists/);
    assert.equal(versionOf(path), 3);
  });

  test('a place without a store is refused, and policies are', async (context) => {
    assert.throws(() => openSqliteAdmin('/nowhere/pisync.db'), { code: 'invalid_config' });
    const path = placeFor(context);
    await withStore(path, async () => {});
    await withAdmin(path, async (admin) => {
      await assert.rejects(admin.policies(), { code: 'invalid_config' });
      await assert.rejects(admin.setPolicies(new Map()), { code: 'invalid_config' });
    });
  });
});
