import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import fc from 'fast-check';
import { Database, usualDatabaseOptions } from '../../src/adapters/store/postgres/connection/database.ts';
import { PackedPoints } from '../../src/adapters/store/postgres/telemetry/sealing/packed-points.ts';
import { anyDetections } from '../../src/conformance/detections/any-detections.ts';
import { counted, now, observation, rejectedItem } from '../../src/conformance/make-events.ts';
import { anyCommands } from '../../src/conformance/model/model-commands.ts';
import { pointBatch } from '../../src/conformance/telemetry/make-points.ts';
import type { Store } from '../../src/ports/store.ts';
import { PostgresServer } from '../postgres/postgres-server.ts';
import { change, everything, inFolder, inStore, move } from './move-harness.ts';

const numRuns = Number(process.env['PISYNC_MODEL_RUNS'] ?? 4);

let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start();
});
after(() => server.stop());

/** Runs with an empty database and the URLs of two files that do not exist. */
async function inPlaces(
  work: (database: string, first: string, second: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const database = await server.createDatabase();
    try {
      await work(database, `sqlite:${join(folder, 'first.db')}`, `sqlite:${join(folder, 'second.db')}`);
    } finally {
      await server.dropDatabase(database);
    }
  });
}

/** Some of each kind, `part` by `part` different. */
async function fill(store: Store, part: number): Promise<void> {
  const seqs = Array.from({ length: 200 }, (_, at) => part * 200 + at);
  const detections = fc.sample(anyDetections, { seed: part, numRuns: 3 }).flat();
  await store.commit({
    observations: seqs.map((seq) => counted(seq, { deviceId: `pi-${seq % 7}`, totalErrors: seq % 3 })),
    rejected: [rejectedItem({ raw: `{"part":${part}}` }), rejectedItem()],
    points: pointBatch(
      seqs.map((seq) => ({
        deviceId: 'sensor',
        key: `t,part=${part % 2}`,
        time: now * 1000 + (seq % 300) * 60_000_000,
        value: seq % 50 === 0 ? `at ${seq}` : seq,
      })),
    ),
    contactAt: now + part * 60_000,
    counted: [{ deviceId: 'pi-1', epoch: 'epoch-0', seq: part * 3, from: 0, to: 5 }],
    detections,
  });
}

suite('moving a store', () => {
  test('to PostgreSQL and back: every answer is the same, and what comes again is known', async () => {
    await fc.assert(
      fc.asyncProperty(anyCommands, (commands) =>
        inPlaces(async (database, first, last) => {
          await inStore(first, (store) => change(store, commands));
          const expected = await everything(first);
          for (const [from, to] of [
            [first, database],
            [database, last],
          ] as const) {
            const { found, finished, differences } = await move(from, to);
            assert.deepEqual({ found, finished, differences }, { found: 0, finished: true, differences: [] });
            assert.deepEqual(await everything(to), expected);
          }
          for (const url of [first, database, last]) await inStore(url, (store) => change(store, commands));
          const again = await everything(first);
          assert.deepEqual(await everything(database), again);
          assert.deepEqual(await everything(last), again);
          const findings = await inStore(last, (store) => store.verify());
          assert.deepEqual(
            findings.filter(({ severity }) => severity !== 'ok'),
            [],
          );
        }),
      ),
      { numRuns },
    );
  });

  test('between two stores of a kind', async () => {
    await inPlaces(async (database, first, second) => {
      const other = `${database}?schema=other`;
      await inStore(first, async (store) => {
        for (let part = 0; part < 3; part++) await fill(store, part);
      });
      const expected = await everything(first);
      for (const [from, to] of [
        [first, second],
        [second, database],
        [database, other],
      ] as const) {
        assert.deepEqual((await move(from, to)).differences, []);
        assert.deepEqual(await everything(to), expected);
      }
    });
  });

  test('with telemetry that is packed, and some that came behind it', async () => {
    await inPlaces(async (target, first, second) => {
      await inStore(first, async (store) => {
        for (let part = 0; part < 3; part++) await fill(store, part);
      });
      await move(first, target);
      const database = new Database(target, usualDatabaseOptions);
      try {
        const packed = await new PackedPoints(database).sealPoints(Math.floor(now / 86_400_000) + 1);
        assert.ok(packed.length > 0);
      } finally {
        await database.close();
      }
      await inStore(target, (store) => fill(store, 0));
      await inStore(target, (store) => fill(store, 3));
      const expected = await everything(target);
      assert.deepEqual((await move(target, second)).differences, []);
      assert.deepEqual(await everything(second), expected);
    });
  });

  test('goes on after a kill at any step, without loss and without doubling', {
    timeout: 300_000,
  }, async () => {
    await inPlaces(async (database, first, last) => {
      await inStore(first, async (store) => {
        for (let part = 0; part < 3; part++) await fill(store, part);
      });
      const expected = await everything(first);
      for (const [from, to] of [
        [first, database],
        [database, last],
      ] as const) {
        let kills = 0;
        while (await isKilled(from, to, kills + 1)) kills += 1;
        assert.ok(kills > 8, `killed ${kills} times`);
        assert.deepEqual(await everything(to), expected);
      }
    });
  });

  test('copies a store that goes on, and ends only when its server is stopped', async () => {
    await inPlaces(async (database, first) => {
      await inStore(first, async (store) => {
        await fill(store, 0);
        let running = true;
        let part = 1;
        const busy = (async () => {
          for (; running; part++) await fill(store, part);
        })();
        const report = await move(first, database, { cutOver: false });
        running = false;
        await busy;
        assert.equal(report.finished, false);
        assert.ok(report.copied >= 200);
        await assert.rejects(move(first, database), { code: 'store_locked' });
        await store.commit({
          observations: [observation({ eventId: 'the last one' })],
          rejected: [rejectedItem({ raw: 'the last one' })],
        });
      });
      const report = await move(first, database);
      assert.deepEqual(report.differences, []);
      assert.ok(report.found > 0);
      assert.deepEqual(await everything(database), await everything(first));
    });
  });

  test('a store in PostgreSQL must be still for a while at the cut-over', async () => {
    await inPlaces(async (database, first) => {
      await inStore(database, async (store) => {
        await fill(store, 0);
        let part = 1;
        const commits = setInterval(() => fill(store, part++).catch(() => {}), 40);
        try {
          await assert.rejects(move(database, first, { stillMs: 400 }), { code: 'store_locked' });
        } finally {
          clearInterval(commits);
        }
      });
      const { differences } = await move(database, first);
      assert.deepEqual(differences, []);
      assert.deepEqual(await everything(first), await everything(database));
    });
  });

  test('a target that is not the same is told by device and day, and stays unfinished', async () => {
    await inPlaces(async (database, first) => {
      await inStore(first, (store) => fill(store, 0));
      await move(first, database, { cutOver: false });
      const name = new URL(database).pathname.slice(1);
      await server.query('UPDATE pisync.sync_event SET total_errors = 7 WHERE position = 5', name);
      const { finished, differences } = await move(first, database);
      assert.equal(finished, false);
      assert.deepEqual(
        differences.map(({ kind, what }) => [kind, what]),
        [['events', 'pi-4 on 2026-11-19']],
      );
      await assert.rejects(everything(database), isUnfinished);
    });
  });

  test('a stopped move may go on', async () => {
    await inPlaces(async (database, first) => {
      await inStore(first, (store) => fill(store, 0));
      const stop = new AbortController();
      const aborted = move(first, database, {
        signal: stop.signal,
        onProgress: ({ step }) => step === 'index' && stop.abort(),
      });
      await assert.rejects(aborted, { name: 'AbortError' });
      assert.equal((await move(first, database)).found, 200);
      assert.deepEqual(await everything(database), await everything(first));
    });
  });
});

suite('what cannot be moved', () => {
  test('a target that holds something, or is being filled from another source', async () => {
    await inPlaces(async (database, first, second) => {
      for (const url of [first, second, database]) await inStore(url, (store) => fill(store, 0));
      for (const [from, to] of [
        [first, database],
        [database, second],
      ] as const)
        await assert.rejects(move(from, to), isRefused(/not empty/));
      const empty = `${database}?schema=another`;
      await move(first, empty, { cutOver: false });
      await assert.rejects(move(second, empty), isRefused(/being filled from .*first\.db/));
      await assert.rejects(move(empty, `${second}2`), isUnfinished);
    });
  });

  test('an unfinished target is no store, of either kind', async () => {
    await inPlaces(async (database, first, second) => {
      await inStore(first, (store) => fill(store, 0));
      await move(first, database, { cutOver: false });
      await assert.rejects(everything(database), isUnfinished);
      await move(first, database);
      await move(database, second, { cutOver: false });
      await assert.rejects(everything(second), isUnfinished);
    });
  });

  test('a source in PostgreSQL that has dropped events', async () => {
    await inPlaces(async (database, first) => {
      await inStore(database, (store) => fill(store, 0));
      const name = new URL(database).pathname.slice(1);
      await server.query('DELETE FROM pisync.sync_event WHERE position = 6', name);
      await assert.rejects(move(database, first), isRefused(/dropped 1 events/));
    });
  });

  test('a source that is not there', async () => {
    await inPlaces(async (database, first, second) => {
      await assert.rejects(move(first, second), isRefused(/no store at/));
      await assert.rejects(move(database, second), (error) => error instanceof PisyncError);
      await assert.rejects(move('memory:', second), isRefused(/sqlite:PATH/));
    });
  });
});

function isRefused(detail: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof PisyncError && error.code === 'invalid_config' && detail.test(error.message);
}

const isUnfinished = isRefused(/migrate-store/);

/** Runs a move in a process that kills itself. @returns false where it came to its end before */
async function isKilled(from: string, to: string, times: number): Promise<boolean> {
  const options = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(
    process.execPath,
    [...options, join(import.meta.dirname, 'move-process.ts'), from, to, String(times)],
    { stdio: 'inherit' },
  );
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (signal === 'SIGKILL') return true;
  assert.equal(code, 0);
  return false;
}
