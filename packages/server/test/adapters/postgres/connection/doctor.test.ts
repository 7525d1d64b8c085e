import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { counted } from '../../../../src/conformance/make-events.ts';
import { runCli } from '../../../cli/run-cli.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

describe('pisync doctor on a store in PostgreSQL', () => {
  let server: PostgresServer;
  let place: string;
  before(async () => {
    server = await PostgresServer.start();
    place = await server.createDatabase();
    const store = await openPostgresStore(place, { partial: 'failure' });
    await store.commit({ observations: [counted(1)], rejected: [] });
    await store.close();
  });
  after(() => server?.stop());

  const checks = (stdout: string) =>
    (JSON.parse(stdout) as { findings: { check: string }[] }).findings.map(({ check }) => check);

  it('looks at the database and verifies all that is stored, or at the database alone', async () => {
    const whole = await runCli(['doctor', '--store', place, '--json']);
    assert.equal(whole.code, 0, whole.stderr);
    for (const check of ['server', 'timescaledb', 'connections', 'indexes', 'clock', 'contents']) {
      assert.ok(checks(whole.stdout).includes(check), check);
    }
    const quick = await runCli(['doctor', '--store', place, '--quick', '--json']);
    assert.equal(quick.code, 0, quick.stderr);
    assert.ok(checks(quick.stdout).includes('connections'));
    assert.ok(!checks(quick.stdout).includes('contents'));
  });

  it('makes no store where there is none, and names no password', async () => {
    const empty = (await server.createDatabase()).replace('postgres@', 'postgres:hunter2@');
    const { code, stdout, stderr } = await runCli(['doctor', '--store', empty]);
    assert.equal(code, 2);
    assert.match(stderr, /There is no store in the schema pisync/);
    assert.doesNotMatch(stdout + stderr, /hunter2/);
    const { rows } = await server.query(
      "SELECT FROM pg_namespace WHERE nspname = 'pisync'",
      new URL(empty).pathname.slice(1),
    );
    assert.equal(rows.length, 0);
  });
});
