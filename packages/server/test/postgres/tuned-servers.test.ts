import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Machine } from '../../src/core/tuning/machine.ts';
import { tunedFile } from '../core/tuning/read-conf.ts';
import { debianInstallation, embeddedInstallation, PostgresServer } from './postgres-server.ts';

/** Small enough for any machine that runs tests. */
const machine: Machine = { ramMb: 2_048, cores: 2, disk: 'ssd' };

/** Servers do not run as root; what they read must be theirs. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

async function readableFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pisync-tuned-'));
  if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid);
  chmodSync(folder, 0o755);
  return folder;
}

for (const installation of [embeddedInstallation(), debianInstallation()]) {
  const name = installation?.name ?? 'PostgreSQL 15';
  const skip = installation === undefined && 'not run here: Debian has not installed it';
  describe(`${name} with the printed postgresql.conf`, { skip }, () => {
    let folder: string;
    let server: PostgresServer;
    const { text, settings } = tunedFile(machine, 'postgresql.conf');

    before(async () => {
      folder = await readableFolder();
      await writeFile(join(folder, 'postgresql.conf'), text);
      server = await PostgresServer.start(installation, [`config_file=${join(folder, 'postgresql.conf')}`]);
    });
    after(async () => {
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    it('starts, and every line of it is in force', async () => {
      const applied = await server.query('SELECT name, setting, applied, error FROM pg_file_settings');
      assert.deepEqual(
        applied.rows,
        [...settings].map(([key, value]) => {
          return { name: key, setting: value.replaceAll("'", ''), applied: true, error: null };
        }),
      );
    });

    it('has each value as it was meant, units included', async () => {
      const { rows } = await server.query(
        `SELECT name, current_setting(name) AS value FROM pg_settings WHERE source = 'configuration file'`,
      );
      const found = new Map(rows.map((row: { name: string; value: string }) => [row.name, row.value]));
      assert.deepEqual(
        [...found].sort(),
        [...settings].map(([key, value]) => [key, asShown(key, value.replaceAll("'", ''))]).sort(),
      );
    });

    it('counts statements for pisync doctor', async () => {
      await server.query('CREATE EXTENSION pg_stat_statements');
      const { rows } = await server.query('SELECT count(*) > 0 AS counted FROM pg_stat_statements');
      assert.deepEqual(rows, [{ counted: true }]);
    });
  });
}

/** PostgreSQL shows the same value in its own words. */
function asShown(name: string, value: string): string {
  if (name === 'wal_compression') return 'pglz';
  return name === 'hash_mem_multiplier' ? String(Number(value)) : value;
}

describe('timescaledb.conf after postgresql.conf, on a server that has no TimescaleDB to load', () => {
  it('is read without an error, and its values hold', async () => {
    const folder = await readableFolder();
    const both = ['postgresql.conf', 'timescaledb.conf'] as const;
    const text = both.map((name) => tunedFile(machine, name).text).join('');
    await writeFile(join(folder, 'postgresql.conf'), text.replace('timescaledb,pg_stat', 'pg_stat'));
    const server = await PostgresServer.start(embeddedInstallation(), [
      `config_file=${join(folder, 'postgresql.conf')}`,
    ]);
    try {
      const wrong = await server.query('SELECT * FROM pg_file_settings WHERE error IS NOT NULL');
      assert.deepEqual(wrong.rows, []);
      for (const [name, value] of tunedFile(machine, 'timescaledb.conf').settings) {
        const { rows } = await server.query(`SELECT current_setting('${name}') AS value`);
        assert.equal(`${rows[0].value}`, value.replaceAll("'", '').replace('timescaledb,', ''), name);
      }
    } finally {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

const program = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path));

describe('PgBouncer with the printed pgbouncer.ini', {
  skip: program === undefined && 'not run here: PgBouncer is not installed',
}, () => {
  let folder: string;
  let server: PostgresServer;
  let bouncer: ChildProcess;
  let port: number;
  const { text, settings } = tunedFile(machine, 'pgbouncer.ini');
  const login = (database: string): pg.ClientConfig => {
    return { host: '127.0.0.1', port, database, user: 'postgres', password: 'secret' };
  };

  before(async () => {
    folder = await readableFolder();
    server = await PostgresServer.start();
    port = await freePort();
    const places: Readonly<Record<string, string>> = {
      pisync: `host=127.0.0.1 port=${server.port} dbname=postgres`,
      listen_port: String(port),
      unix_socket_dir: folder,
      auth_file: join(folder, 'userlist.txt'),
      logfile: join(folder, 'pgbouncer.log'),
      pidfile: join(folder, 'pgbouncer.pid'),
    };
    const ini = text.replaceAll(/^([a-z_]+) = .*$/gm, (line, key: string) => {
      return key in places ? `${key} = ${places[key]}` : line;
    });
    await writeFile(join(folder, 'pgbouncer.ini'), `${ini}stats_users = postgres\n`);
    await writeFile(join(folder, 'userlist.txt'), '"postgres" "secret"\n');
    bouncer = spawn(program as string, [join(folder, 'pgbouncer.ini')], { ...nobody, stdio: 'ignore' });
    await answering();
  });
  after(async () => {
    if (bouncer?.exitCode === null) {
      bouncer.kill('SIGTERM');
      await once(bouncer, 'exit');
    }
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function answering(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const client = new pg.Client(login('pgbouncer'));
      try {
        await client.connect();
        await client.query('SHOW VERSION');
        return;
      } catch (error) {
        if (bouncer.exitCode !== null || tries > 200) throw error;
        await delay(25);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }

  it('starts, and has each value as it was meant', async () => {
    const client = new pg.Client(login('pgbouncer'));
    await client.connect();
    const { rows } = await client.query('SHOW CONFIG');
    await client.end();
    const found = new Map(rows.map((row: { key: string; value: string }) => [row.key, row.value]));
    const replaced = ['pisync', 'listen_port', 'unix_socket_dir', 'auth_file', 'logfile', 'pidfile'];
    for (const [key, value] of settings) {
      if (!replaced.includes(key)) assert.equal(found.get(key), value, key);
    }
  });

  it('lends few connections to many clients, one for each transaction', async () => {
    const pool = new pg.Pool({ ...login('pisync'), max: 60, statement_timeout: 10_000 });
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => pool.query('SELECT $1::int AS n, pg_sleep(0.005)', [n])),
    );
    assert.deepEqual(
      answers.map(({ rows }) => rows[0].n),
      Array.from({ length: 200 }, (_, n) => n),
    );
    const { rows } = await server.query(
      `SELECT count(*)::int AS lent FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    await pool.end();
    assert.ok(
      rows[0].lent >= 1 && rows[0].lent <= Number(settings.get('max_db_connections')),
      `${rows[0].lent}`,
    );
  });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}
