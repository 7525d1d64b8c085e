import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { backupSqliteStore } from '../../../../src/adapters/store/sqlite/backup/backup-store.ts';
import { restoreSqliteStore } from '../../../../src/adapters/store/sqlite/backup/restore-store.ts';
import { readEverything, readHistory } from '../../../../src/conformance/read-store.ts';
import { limitFiles, noFileLimit, placeFor, withStore } from '../store/place.ts';
import { changed, removeStores, soundStore } from '../verify/sound-store.ts';
import { assertFails, commitEvents, copyOptions, filesBeside } from './copies.ts';

after(removeStores);

/** A backup of a store that holds all kinds of observations. */
async function backupFile(context: TestContext): Promise<string> {
  const to = placeFor(context);
  await backupSqliteStore(soundStore(), to, copyOptions());
  return to;
}

/** A store that ended in a crash, with what it had in its write-ahead log alone. @returns how many events it holds */
async function crashedStore(context: TestContext, path: string): Promise<number> {
  const live = placeFor(context);
  await withStore(live, async (store) => {
    await commitEvents(store, 0, 300);
    for (const suffix of ['', '-wal']) copyFileSync(live + suffix, path + suffix);
  });
  return 300;
}

const eventsOf = (path: string): Promise<number> =>
  withStore(path, async (store) => (await readHistory(store, { deviceId: 'pi-1' })).length);

describe('a restore', () => {
  it('puts back all that was there, and leaves the backup as it is', async (context) => {
    const from = await backupFile(context);
    const before = readFileSync(from);
    const path = placeFor(context);
    const report = await restoreSqliteStore(from, path, copyOptions());
    assert.equal(report.setAside, null);
    assert.deepEqual(filesBeside(from), ['pisync.db']);
    assert.deepEqual(readFileSync(from), before);
    const expected = await withStore(soundStore(), readEverything);
    assert.deepEqual(await withStore(path, readEverything), expected);
    assert.equal(report.events, expected.fleet.totals.syncs);
  });

  it('is refused while a store is open there', async (context) => {
    const from = await backupFile(context);
    const path = placeFor(context);
    await withStore(path, async (store) => {
      await commitEvents(store, 0, 10);
      const restored = restoreSqliteStore(from, path, copyOptions({ force: true }));
      await assertFails(restored, 'store_locked', /open in another PiSync process/);
      await commitEvents(store, 10, 20);
    });
    assert.equal(await eventsOf(path), 20);
  });

  it('is refused where a store is, or only the log of one', async (context) => {
    const from = await backupFile(context);
    const path = placeFor(context);
    await crashedStore(context, path);
    await assertFails(restoreSqliteStore(from, path, copyOptions()), 'invalid_config', /--force.*set aside/);
    assert.equal(await eventsOf(path), 300);
    const orphan = placeFor(context);
    writeFileSync(`${orphan}-wal`, 'log');
    await assertFails(restoreSqliteStore(from, orphan, copyOptions()), 'invalid_config', /There is a store/);
  });

  it('sets the old store aside, whole, when it is told to', async (context) => {
    const from = await backupFile(context);
    const path = placeFor(context);
    const events = await crashedStore(context, path);
    const { setAside } = await restoreSqliteStore(from, path, copyOptions({ force: true }));
    assert.match(setAside ?? '', /pisync\.db\.before-restore-2\d{3}-\d\d-\d\dT\d{9}Z$/);
    assert.ok(existsSync(`${setAside}-wal`) && !existsSync(`${path}-wal`));
    assert.equal(await eventsOf(setAside as string), events);
    assert.deepEqual(await withStore(path, readEverything), await withStore(soundStore(), readEverything));
  });

  it('takes a store as a crash left it, with its log', async (context) => {
    const from = placeFor(context);
    const events = await crashedStore(context, from);
    const path = placeFor(context);
    assert.equal((await restoreSqliteStore(from, path, copyOptions())).events, events);
    assert.equal(await eventsOf(path), events);
  });

  it('changes nothing where the backup is damaged, or is none', async (context) => {
    const path = placeFor(context);
    await crashedStore(context, path);
    const from = await backupFile(context);
    changed(from, (db) => db.exec('DELETE FROM block WHERE id = (SELECT min(id) FROM block)'));
    const force = copyOptions({ force: true });
    await assertFails(restoreSqliteStore(from, path, force), 'store_damaged', /not sound/);
    await assertFails(restoreSqliteStore(`${from}.none`, path, force), 'invalid_config', /no store at/);
    await assertFails(restoreSqliteStore(path, path, force), 'invalid_config', /already/);
    assert.deepEqual(
      readdirSync(dirname(path)).filter((name) => /partial|before/.test(name)),
      [],
    );
    assert.equal(await eventsOf(path), 300);
  });

  it('changes nothing on a full disk', { skip: noFileLimit() }, async (context) => {
    const from = await backupFile(context);
    const path = placeFor(context);
    await crashedStore(context, path);
    limitFiles(65_536);
    try {
      await assertFails(
        restoreSqliteStore(from, path, copyOptions({ force: true })),
        'store_unavailable',
        /cannot be written/,
      );
    } finally {
      limitFiles(undefined);
    }
    assert.ok(!readdirSync(join(path, '..')).some((name) => /partial|before/.test(name)));
    assert.equal(await eventsOf(path), 300);
  });
});
