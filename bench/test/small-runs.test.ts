import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { noteUnfinished, type UnfinishedCounts } from '../crash/unfinished-runs.ts';
import { JsonClient } from '../harness/json-client.ts';
import { pisyncCommand } from '../harness/pisync-command.ts';
import { startServer } from '../harness/server-process.ts';

test('a server that is loaded with small runs seals after a few thousand points', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'pisync-small-runs-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const command = pisyncCommand(folder);
  const hooks = `--import=${import.meta.resolve('../crash/small-runs.ts')}`;
  const server = await startServer({ ...command, args: (port) => [hooks, ...command.args(port)] });
  const client = new JsonClient(server.url);
  try {
    const lines = Array.from({ length: 5000 }, (_, at) => `load,host=a value=1 ${Date.now() - at}`);
    assert.equal((await client.post('/api/v2/write?precision=ms', lines.join('\n'))).status, 204);
    const db = new DatabaseSync(join(folder, 'pisync.db'), { readOnly: true });
    const runs = (): unknown =>
      db.prepare('SELECT count(*) AS runs FROM point_run WHERE live = 1').get()?.['runs'];
    for (let tries = 0; tries < 200 && runs() === 0; tries++) await sleep(25);
    assert.equal(runs(), 1);
    db.close();
  } finally {
    client.close();
    await server.stop();
  }
});

test('runs that are not finished are counted by kind, and as merges where eight lie side by side', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pisync-unfinished-'));
  const path = join(folder, 'store.db');
  const counted: UnfinishedCounts = { events: 0, points: 0, detections: 0, merges: 0 };
  try {
    noteUnfinished(path, counted);
    const db = new DatabaseSync(path);
    noteUnfinished(path, counted);
    assert.deepEqual(counted, { events: 0, points: 0, detections: 0, merges: 0 });
    db.exec(`CREATE TABLE run (id INTEGER PRIMARY KEY, live, level, events);
      CREATE TABLE point_run (id INTEGER PRIMARY KEY, live, level, points);
      CREATE TABLE detection_run (id INTEGER PRIMARY KEY, live, level, detections);
      INSERT INTO run (live, level, events) VALUES (0, 0, 5), (1, 0, 5);
      INSERT INTO point_run (live, level, points) VALUES (0, 0, 0), (1, 0, 5);
      INSERT INTO detection_run (live, level, detections) VALUES (0, 0, 0)`);
    for (let run = 0; run < 8; run++)
      db.exec('INSERT INTO detection_run (live, level, detections) VALUES (1, 1, 5)');
    db.close();
    noteUnfinished(path, counted);
    assert.deepEqual(counted, { events: 0, points: 1, detections: 1, merges: 1 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
