import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { openSqliteStore } from '../../../../src/adapters/store/sqlite/sqlite-store.ts';
import { packPage } from '../../../../src/adapters/store/sqlite/state/device-page.ts';
import { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';
import { counted, group, observation } from '../../../../src/conformance/make-events.ts';
import { overwrite, overwriteTable, placeFor, policy, until, withStore } from './place.ts';

const events = Array.from({ length: 600 }, (_, seq) =>
  counted(seq, { deviceId: `pi-${seq % 3}`, metadata: `{"seq":${seq},"text":"${'x'.repeat(40)}"}` }),
);

/** A store that holds sealed history, device pages and unsealed log rows, all of it in the main file. */
async function fill(path: string): Promise<void> {
  await withStore(path, async (store) => {
    await store.commit(group(...events.slice(0, 300)));
    await store.settle();
    await store.commit(group(...events.slice(300)));
  });
}

const damages: Readonly<Record<string, (path: string) => void>> = {
  'no SQLite file at all': (path) => writeFileSync(path, 'something else '.repeat(4000)),
  'a text of a few bytes': (path) => writeFileSync(path, 'oops'),
  'a first page of zeros': (path) => overwrite(path, 0, new Uint8Array(8192)),
  'a schema that is garbage': (path) => overwrite(path, 100, new Uint8Array(4000).fill(0xa5)),
  'a truncated file': (path) => truncateSync(path, 8192 * 4 + 100),
  'a bad page of the log': (path) => overwriteTable(path, 'log'),
  'a bad page of device states': (path) => overwriteTable(path, 'device_page'),
  'a bad page of the table of runs': (path) => overwriteTable(path, 'run'),
  'a sector of zeros in a log row': (path) => {
    overwrite(path, readFileSync(path).indexOf('{"seq":450,'), new Uint8Array(512));
  },
  'one wrong byte in a log row': (path) => {
    overwrite(path, readFileSync(path).indexOf('{"seq":450,') + 9, Buffer.from('9'));
  },
  'a device page that is cut': (path) => {
    const db = new DatabaseSync(path);
    db.exec('UPDATE device_page SET data = substr(data, 1, length(data) / 2)');
    db.close();
  },
};

describe('a damaged store', () => {
  for (const [what, damage] of Object.entries(damages)) {
    test(`is set aside and reported, and a new one begun: ${what}`, async (context) => {
      const path = placeFor(context);
      await fill(path);
      damage(path);
      const spoiled = readFileSync(path);
      const aside = (): string[] =>
        readdirSync(dirname(path)).filter((name) => /^pisync\.db\.damaged-[0-9TZ-]+$/.test(name));
      await withStore(path, async (store) => {
        const [place, ...more] = aside();
        assert.ok(place !== undefined && more.length === 0);
        assert.deepEqual(
          readFileSync(`${dirname(path)}/${place}`),
          spoiled,
          'what was damaged is kept as it was',
        );
        assert.equal(store.status().notes.length, 1);
        assert.match(store.status().notes[0] as string, new RegExp(`damaged.*${basename(place)}`));
        assert.equal(store.status().position, 0);
        assert.deepEqual(await store.commit(group(counted(1), counted(2))), ['stored', 'stored']);
        assert.equal((await store.history({ deviceId: 'pi-1', limit: 10 }))?.total, 2);
      });
      await withStore(path, async (store) => {
        assert.equal(aside().length, 1, 'no second time');
        assert.deepEqual(store.status().notes, []);
        assert.equal(store.status().position, 2);
        assert.ok((await store.verify()).every(({ severity }) => severity === 'ok'));
      });
    });
  }

  test('found while it runs: nothing of the old file shows in the new store', async (context) => {
    const path = placeFor(context);
    await withStore(path, async (store) => {
      await store.commit(group(...events));
      await store.settle();
      assert.equal((await store.history({ deviceId: 'pi-1', limit: 1000 }))?.items.length, 200);
      await store.verify();
      overwriteTable(path, 'device_page');
      await store.injectFault('io_error');
      await assert.rejects(store.commit(group(counted(700))), { code: 'store_unavailable' });
      await until(() => store.status().state === 'ready');
      assert.match(store.status().notes.join(), /damaged/);
      await store.commit(group(counted(800)));
      await store.settle();
      const page = await store.history({ deviceId: 'pi-1', limit: 1000 });
      assert.deepEqual(
        page?.items.map(({ seq }) => seq),
        [800],
      );
    });
  });
});

describe('a damaged block of history', () => {
  async function spoiled(path: string): Promise<void> {
    await fill(path);
    const db = new DatabaseSync(path);
    db.exec('UPDATE block SET data = zeroblob(length(data))');
    db.close();
  }

  test('stops neither ingest nor housekeeping, and is told by status, doctor and history', async (context) => {
    const path = placeFor(context);
    await spoiled(path);
    await withStore(path, async (store) => {
      assert.equal(store.status().position, 600);
      for (let round = 0; round < 3; round++) {
        await store.commit(group(counted(1000 + round)));
        await store.settle();
      }
      assert.equal(store.status().state, 'ready');
      // A counter is known without its row: sending again changes nothing even so.
      assert.deepEqual(await store.commit(group(events[4] as (typeof events)[0])), ['duplicate']);
      await until(() => store.status().notes.some((note) => note.includes('history is damaged')));
      await assert.rejects(store.history({ deviceId: 'pi-1', limit: 1000 }), { code: 'store_damaged' });
      const findings = await store.verify();
      assert.ok(findings.some(({ severity }) => severity === 'error'));
      assert.equal(store.status().position, 603);
    });
  });

  test('keeps a change of policy from being applied, and costs nothing', async (context) => {
    const path = placeFor(context);
    await spoiled(path);
    await assert.rejects(openSqliteStore(path, { partial: 'ignore' }), { code: 'invalid_config' });
    await withStore(path, async (store) => assert.equal(store.status().position, 600));
  });
});

test('a full check finds states, sums and numbers that do not follow from the events', async (context) => {
  const spoil: Readonly<Record<string, string>> = {
    'hours gone': "UPDATE meta SET data = zeroblob(0) WHERE key = 'hours'",
    'a page that claims to be newer': 'UPDATE device_page SET applied = applied + 1',
    'an event lost': 'DELETE FROM block',
    'times of a run': 'UPDATE run SET max_timestamp = min_timestamp - 1',
    'a filter that denies': 'UPDATE run SET filter = zeroblob(length(filter))',
  };
  for (const [what, statement] of Object.entries(spoil)) {
    const path = placeFor(context);
    await withStore(path, async (store) => {
      await store.commit(group(...events.slice(0, 100), observation({ eventId: 'x' })));
      await store.settle();
      await store.commit(group(...events.slice(100, 110)));
    });
    const db = new DatabaseSync(path);
    assert.ok(Number(db.prepare(statement).run().changes) > 0, what);
    db.close();
    await withStore(path, async (store) => {
      const wrong = (await store.verify()).filter(({ severity }) => severity === 'error');
      assert.ok(wrong.length > 0, what);
      assert.ok(
        wrong.every(({ check }) => check === 'contents'),
        what,
      );
    });
  }
});

test('a full check finds a number that is noted and was never sent: the event that has it would be refused', async (context) => {
  const path = placeFor(context);
  await fill(path);
  const engine = new Engine(path, policy.partial);
  engine.ledger.devices.addSeq(0, 1, 5000);
  const { page, ...image } = engine.ledger.devices.takePage(0);
  engine.putPages([{ page, applied: engine.chunk, data: packPage({ page, ...image }) }]);
  engine.close();
  await withStore(path, async (store) => {
    const wrong = (await store.verify()).filter(({ severity }) => severity === 'error');
    assert.match(wrong.map(({ detail }) => detail).join(), /pi-0: the numbers/);
  });
});

test('a store that was closed well is opened again without a note', async (context) => {
  const path = placeFor(context);
  await fill(path);
  const store = await openSqliteStore(path, policy);
  assert.deepEqual(store.status().notes, []);
  assert.equal(store.status().position, 600);
  await store.close();
});
