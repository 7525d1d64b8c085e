import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { backupSqliteStore } from '../../../../src/adapters/store/sqlite/backup/backup-store.ts';
import { openSqliteStore } from '../../../../src/adapters/store/sqlite/sqlite-store.ts';
import { readEverything, readHistory } from '../../../../src/conformance/read-store.ts';
import { limitFiles, noFileLimit, placeFor, policy, withStore } from '../store/place.ts';
import { changed, removeStores, soundStore } from '../verify/sound-store.ts';
import { assertFails, commitEvents, copyOptions, filesBeside } from './copies.ts';

after(removeStores);

const module = new URL('../../../../src/adapters/store/sqlite/backup/backup-store.ts', import.meta.url);

describe('a backup', () => {
  it('holds, under load, all that was acknowledged before it began, and nothing that never was sent', async (context) => {
    const path = placeFor(context);
    await withStore(path, async (store) => {
      await commitEvents(store, 0, 5000);
      let sent = 5000;
      let acknowledged = 5000;
      let stop = false;
      const load = (async () => {
        while (!stop) {
          sent += 50;
          await commitEvents(store, sent - 50, sent);
          acknowledged = sent;
        }
      })();
      for (let round = 0; round < 3; round++) {
        const before = acknowledged;
        const to = `${path}.copy-${round}`;
        const report = await backupSqliteStore(path, to, copyOptions());
        assert.ok(report.events >= before && report.events <= sent, `${before} ${report.events} ${sent}`);
        assert.equal(report.bytes, statSync(to).size);
        await withStore(to, async (copy) => {
          const events = await readHistory(copy, { deviceId: 'pi-1' });
          const seqs = events.map(({ seq }) => seq as number).sort((a, b) => a - b);
          assert.deepEqual(seqs, [...seqs.keys()]);
          assert.equal(seqs.length, report.events);
        });
      }
      assert.ok(acknowledged > 5000, 'it went on committing');
      stop = true;
      await load;
    });
  });

  it('never begins anew, however much is committed meanwhile', async (context) => {
    const path = placeFor(context);
    await withStore(path, (store) => commitEvents(store, 0, 100));
    // So large that it is copied in several steps, with commits between them.
    changed(path, (db) =>
      db.exec('CREATE TABLE filler (data); INSERT INTO filler VALUES (zeroblob(80000000))'),
    );
    await withStore(path, async (store) => {
      let sent = 100;
      let stop = false;
      const load = (async () => {
        for (; !stop; sent += 1) await commitEvents(store, sent, sent + 1);
      })();
      const shares: number[] = [];
      const sentThen: number[] = [];
      const anew = new AbortController();
      const onProgress = (phase: string, share: number): void => {
        if (phase !== 'copy') return;
        if (share < (shares.at(-1) ?? 0)) anew.abort(new Error('it began anew'));
        shares.push(share);
        sentThen.push(sent);
      };
      const options = copyOptions({ onProgress, signal: anew.signal });
      const { events } = await backupSqliteStore(path, `${path}.copy`, options).finally(() => {
        stop = true;
      });
      await load;
      assert.ok(shares.length > 3, `${shares}`);
      assert.deepEqual(
        shares,
        shares.toSorted((a, b) => a - b),
      );
      assert.ok((sentThen.at(-1) as number) > (sentThen[0] as number), 'commits came between the steps');
      assert.ok(events <= (sentThen[1] as number), 'it is the store of the moment at which it began');
    });
  });

  it('equals the store in all that can be asked', async (context) => {
    const path = soundStore();
    const to = placeFor(context);
    const report = await backupSqliteStore(path, to, copyOptions());
    assert.deepEqual(filesBeside(to), ['pisync.db']);
    assert.equal(statSync(to).mode & 0o777, 0o600);
    const [expected, found] = [await withStore(path, readEverything), await withStore(to, readEverything)];
    assert.deepEqual(found, expected);
    assert.equal(report.devices, expected.devices.length);
    assert.equal(report.events, expected.fleet.totals.syncs);
    assert.ok(report.points >= 9000 && report.detections >= 4600);
  });

  it('writes over nothing unless it is told to', async (context) => {
    const path = soundStore();
    const to = placeFor(context);
    writeFileSync(to, 'something else');
    await assertFails(
      backupSqliteStore(path, to, copyOptions()),
      'invalid_config',
      /exists already.*--force/,
    );
    assert.equal(statSync(to).size, 14);
    writeFileSync(`${to}-wal`, 'the log of something else');
    await backupSqliteStore(path, to, copyOptions({ force: true }));
    assert.deepEqual(filesBeside(to), ['pisync.db']);
    await assertFails(
      backupSqliteStore(path, path, copyOptions({ force: true })),
      'invalid_config',
      /itself/,
    );
  });

  it('never takes the place of a store that is open', async (context) => {
    const other = placeFor(context);
    await withStore(other, async () => {
      const taken = backupSqliteStore(soundStore(), other, copyOptions({ force: true }));
      await assertFails(taken, 'store_locked', /open in another PiSync process/);
    });
  });

  it('is refused where the copy would not be sound, and leaves nothing', async (context) => {
    const path = soundStore();
    changed(path, (db) => db.exec('DELETE FROM block WHERE id = (SELECT min(id) FROM block)'));
    const to = placeFor(context);
    await assertFails(backupSqliteStore(path, to, copyOptions()), 'store_damaged', /not sound/);
    assert.deepEqual(filesBeside(to), []);
  });

  it('is refused of what is no store', async (context) => {
    const path = placeFor(context);
    await assertFails(
      backupSqliteStore(path, `${path}.copy`, copyOptions()),
      'invalid_config',
      /no store at/,
    );
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE meta (a)');
    db.close();
    await assertFails(
      backupSqliteStore(path, `${path}.copy`, copyOptions()),
      'invalid_config',
      /not a store/,
    );
    writeFileSync(path, 'x'.repeat(9000));
    await assertFails(
      backupSqliteStore(path, `${path}.copy`, copyOptions()),
      'store_damaged',
      /cannot be read/,
    );
    changed(path.replace('pisync.db', 'newer.db'), (newer) => newer.exec('PRAGMA user_version = 1000'));
    const newer = backupSqliteStore(path.replace('pisync.db', 'newer.db'), `${path}.copy`, copyOptions());
    await assertFails(newer, 'store_newer', /schema 1000/);
    assert.ok(!existsSync(`${path}.copy`));
  });

  it('brings the copy of an older store up to date', async (context) => {
    const path = placeFor(context);
    await withStore(path, (store) => commitEvents(store, 0, 100));
    changed(path, (db) => db.exec('DROP TABLE point_rollup; PRAGMA user_version = 3'));
    const { events } = await backupSqliteStore(path, `${path}.copy`, copyOptions());
    assert.equal(events, 100);
    const kept = new DatabaseSync(path, { readOnly: true });
    assert.deepEqual({ ...kept.prepare('PRAGMA user_version').get() }, { user_version: 3 });
    kept.close();
  });

  it('leaves nothing when it is stopped, at either phase', async (context) => {
    const to = placeFor(context);
    for (const at of ['copy', 'verify'] as const) {
      const stop = new AbortController();
      const onProgress = (phase: string): void => {
        if (phase === at) stop.abort(new Error('enough'));
      };
      const stopped = backupSqliteStore(soundStore(), to, copyOptions({ signal: stop.signal, onProgress }));
      await assert.rejects(stopped, /enough/);
      assert.deepEqual(filesBeside(to), []);
    }
  });

  it('leaves nothing on a full disk', { skip: noFileLimit() }, async (context) => {
    const path = soundStore();
    const to = placeFor(context);
    limitFiles(65_536);
    try {
      await assertFails(
        backupSqliteStore(path, to, copyOptions()),
        'store_unavailable',
        /cannot be written.*Nothing/,
      );
    } finally {
      limitFiles(undefined);
    }
    assert.deepEqual(filesBeside(to), []);
  });

  for (const phase of ['copy', 'verify']) {
    it(`has no name when it is killed in its phase ${phase}, and the next one clears up`, async (context) => {
      const path = soundStore();
      const to = join(placeFor(context), '..', 'backup.db');
      const script = `
        import { backupSqliteStore } from ${JSON.stringify(module.href)};
        await backupSqliteStore(${JSON.stringify(path)}, ${JSON.stringify(to)}, {
          force: false,
          signal: new AbortController().signal,
          onProgress: (phase) => {
            if (phase === ${JSON.stringify(phase)}) setImmediate(() => process.kill(process.pid, 'SIGKILL'));
          },
        });`;
      const words = ['--conditions=source', '--disable-warning=ExperimentalWarning', '--input-type=module'];
      const child = spawn(process.execPath, [...words, '-e', script], { stdio: 'inherit' });
      assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
      const left = filesBeside(to);
      assert.ok(
        left.length > 0 && left.every((name) => name.startsWith(`backup.db.${child.pid}.partial`)),
        `${left}`,
      );
      await backupSqliteStore(path, to, copyOptions());
      assert.deepEqual(filesBeside(to), ['backup.db']);
    });
  }

  it('lets the store empty its write-ahead log again', async (context) => {
    const path = placeFor(context);
    const store = await openSqliteStore(path, policy);
    await commitEvents(store, 0, 2000);
    await backupSqliteStore(path, `${path}.copy`, copyOptions());
    await store.close();
    assert.ok(!existsSync(`${path}-wal`));
  });
});
