import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  openMaintainer,
  openReader,
  openWriter,
} from '../../../../src/adapters/store/sqlite/format/connection.ts';
import { migrate, SCHEMA_VERSION } from '../../../../src/adapters/store/sqlite/format/schema.ts';
import { openSqliteStore } from '../../../../src/adapters/store/sqlite/sqlite-store.ts';
import { placeFor, policy } from './place.ts';

const ask = (db: DatabaseSync, pragma: string): unknown =>
  Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];

describe('schema', () => {
  for (const journal of ['wal', 'delete']) {
    test(`a store of a newer version is refused and left as it was: journal ${journal}`, async (context) => {
      const path = placeFor(context);
      const db = new DatabaseSync(path);
      db.exec(`PRAGMA journal_mode = ${journal}; CREATE TABLE future (x); INSERT INTO future VALUES (1)`);
      db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
      db.close();
      const before = readFileSync(path);
      await assert.rejects(openSqliteStore(path, policy), { code: 'store_newer' });
      assert.deepEqual(readFileSync(path), before);
      assert.deepEqual(
        readdirSync(dirname(path)).filter((name) => name.includes('damaged')),
        [],
      );
    });
  }

  test('of several that migrate at once one does it, and the others find it done', async (context) => {
    const path = placeFor(context);
    const source = new URL('../../../../src/adapters/store/sqlite/format/connection.ts', import.meta.url);
    const script = `import { openWriter } from ${JSON.stringify(source.href)};
      import { parentPort, workerData } from 'node:worker_threads';
      parentPort.on('message', () => {
        const db = openWriter(workerData);
        parentPort.postMessage(db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get().tables);
        db.close();
        parentPort.close();
      });
      parentPort.postMessage('ready');`;
    const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
    const openers = Array.from({ length: 4 }, () => new Worker(url, { workerData: path }));
    const said = (worker: Worker): Promise<unknown> =>
      new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    await Promise.all(openers.map(said));
    const answers = openers.map(said);
    for (const worker of openers) worker.postMessage('go');
    const tables = await Promise.all(answers);
    const db = openReader(path);
    assert.equal(ask(db, 'user_version'), SCHEMA_VERSION);
    assert.equal(ask(db, 'integrity_check'), 'ok');
    const expected = (db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() as { tables: number })
      .tables;
    assert.deepEqual(new Set(tables), new Set([expected]));
    db.close();
  });

  test('a migration that fails half-way leaves nothing behind', (context) => {
    const db = new DatabaseSync(placeFor(context));
    db.exec('CREATE TABLE quarantine (other)');
    assert.throws(() => migrate(db), /already exists/);
    assert.equal(ask(db, 'user_version'), 0);
    assert.equal(db.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'log'").get()?.['n'], 0);
    assert.equal(db.isTransaction, false);
    db.close();
  });
});

describe('durability', () => {
  test('every connection that writes has WAL and synchronous=FULL, as SQLite itself answers', (context) => {
    const path = placeFor(context);
    const writer = openWriter(path);
    const maintainer = openMaintainer(path);
    for (const db of [writer, maintainer]) {
      assert.equal(ask(db, 'journal_mode'), 'wal');
      assert.equal(ask(db, 'synchronous'), 2);
      assert.equal(ask(db, 'wal_autocheckpoint'), 0);
    }
    assert.equal(ask(writer, 'page_size'), 8192);
    writer.close();
    maintainer.close();
  });

  test('a place where SQLite does not confirm a write-ahead log is refused', () => {
    assert.throws(() => openWriter(':memory:'), { code: 'store_unsafe' });
  });

  test('a reading connection cannot write', (context) => {
    const path = placeFor(context);
    openWriter(path).close();
    const reader = openReader(path);
    assert.throws(() => reader.exec("INSERT INTO meta (key) VALUES ('x')"), /readonly/);
    reader.close();
  });
});
