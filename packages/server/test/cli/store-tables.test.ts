import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openSqliteStore } from '../../src/adapters/store/sqlite/sqlite-store.ts';
import { PostgresServer } from '../postgres/postgres-server.ts';
import { runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'pisync-tables-'));
let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start();
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

describe('pisync store', () => {
  it('prints a script, makes the tables, tells of them and takes them down, in PostgreSQL', async () => {
    const store = ['--store', await server.createDatabase()];
    const plan = await runCli(['store', 'migrate', '--dry-run', ...store]);
    assert.equal(plan.code, 0, plan.stderr);
    assert.match(plan.stdout, /^-- 0 → 1 first-tables: .* \(in one transaction\)\nCREATE TABLE store \(/);
    assert.match(plan.stdout, /\n-- 2 → 3 /);
    assert.match(plan.stderr, /Nothing was changed/);
    const none = await runCli(['store', 'status', ...store]);
    assert.match(none.stdout, /no tables yet/);
    const early = await runCli(['store', 'policies', ...store]);
    assert.deepEqual([early.code, early.stdout], [2, '']);
    assert.match(early.stderr, /there is no store yet/);

    const made = await runCli(['store', 'migrate', ...store]);
    assert.equal(made.stdout, 'The tables have version 4 now; before it was 0.\n');
    assert.match(made.stderr, /0 → 1 {2}CREATE TABLE store/);
    const again = await runCli(['store', 'migrate', ...store]);
    assert.match(again.stderr, /version 4 already/);
    const status = await runCli(['store', 'status', '--json', ...store]);
    const told = JSON.parse(status.stdout);
    assert.deepEqual([told.version, told.newest, told.pending], [4, 4, []]);
    assert.ok(told.tables.some(({ name }: { name: string }) => name === 'device'));
    assert.match((await runCli(['store', 'status', ...store])).stdout, /TABLE +SIZE +ROWS/);

    const refused = await runCli(['store', 'migrate', '--down', '--to', '0', ...store]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /removes what devices sent.*--drop-data/);
    const down = await runCli(['store', 'migrate', '--down', '--to', '0', '--drop-data', '--json', ...store]);
    assert.deepEqual([down.code, JSON.parse(down.stdout).to], [0, 0]);
  });

  it('shows and changes policies, all or none', async () => {
    const store = ['--store', await server.createDatabase()];
    await runCli(['store', 'migrate', ...store]);
    const set = (...pairs: readonly string[]) =>
      runCli(['store', 'policies', '--json', ...pairs.flatMap((pair) => ['--set', pair]), ...store]);
    const valuesOf = (text: string): Record<string, string> =>
      Object.fromEntries(
        JSON.parse(text).policies.map(({ name, value }: { name: string; value: string }) => [name, value]),
      );
    const changed = await set('telemetry_retention=90', 'events_retention=400');
    const usual = valuesOf((await set('telemetry_retention=off', 'events_retention=off')).stdout);
    assert.deepEqual(valuesOf(changed.stdout), {
      ...usual,
      telemetry_retention: '90',
      events_retention: '400',
    });
    for (const wrong of ['events_retention=1', 'events_retention=', 'events_partition=week', 'other=1']) {
      const refused = await set('telemetry_retention=30', wrong);
      assert.equal(refused.code, 2, wrong);
    }
    assert.deepEqual(valuesOf((await set()).stdout), usual);
    assert.equal((await set('nonsense')).code, 2);
    assert.match((await runCli(['store', 'policies', ...store])).stdout, /POLICY +VALUE +MAY BE/);
  });

  it('looks after a store in a file', async () => {
    const path = join(folder, 'fleet.db');
    const store = ['--store', `sqlite:${path}`];
    assert.equal((await runCli(['store', 'status', ...store])).code, 2);
    await (await openSqliteStore(path, { partial: 'failure' })).close();
    const down = await runCli(['store', 'migrate', '--down', ...store]);
    assert.equal(down.stdout, 'The tables have version 3 now; before it was 4.\n');
    assert.match((await runCli(['store', 'status', ...store])).stdout, /pending {2}3 → 4 rollups/);
    assert.equal((await runCli(['store', 'migrate', ...store])).code, 0);
    assert.match((await runCli(['store', 'policies', ...store])).stderr, /policies are for PostgreSQL/);
    assert.equal((await runCli(['store', 'status', '--store', 'memory:'])).code, 2);
  });
});
