import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { sessionOf } from '../../src/adapters/store/postgres/connection/session.ts';
import { copyIn } from '../../src/adapters/store/postgres/wire/copy-in.ts';
import { CopyRows } from '../../src/adapters/store/postgres/wire/copy-rows.ts';
import { readRows } from '../../src/adapters/store/postgres/wire/read-rows.ts';
import { type PgliteServer, startPgliteServer } from './pglite-server.ts';

describe('TimescaleDB in this process, through pg', () => {
  let server: PgliteServer;
  let pool: pg.Pool;
  before(async () => {
    server = await startPgliteServer();
    pool = new pg.Pool({ connectionString: server.url, max: 4 });
    pool.on('error', () => undefined);
    await pool.query('CREATE TABLE numbers (n integer PRIMARY KEY, word text)');
  });
  after(async () => {
    await pool.end();
    await server.close();
  });

  const numbers = async (): Promise<number> =>
    (await pool.query<{ n: number }>('SELECT count(*)::int AS n FROM numbers')).rows[0]?.n ?? -1;

  it('takes parameters and gives typed results', async () => {
    const values = [4, { x: 1 }, ['a', 'ü'], Buffer.from([0, 255])];
    const { rows } = await pool.query(
      'SELECT $1::int + 1 AS n, $2::jsonb AS j, $3::text[] AS a, $4::bytea AS b',
      values,
    );
    assert.deepEqual(rows, [{ n: 5, j: { x: 1 }, a: ['a', 'ü'], b: Buffer.from([0, 255]) }]);
    const big = await pool.query('SELECT sum(n)::int AS s FROM unnest($1::int[]) AS n', [
      Array.from({ length: 200_000 }, () => 1),
    ]);
    assert.deepEqual(big.rows, [{ s: 200_000 }]);
  });

  it('gives each of several connections its own answers', async () => {
    const asked = Array.from({ length: 40 }, (_, i) => i);
    const answers = await Promise.all(asked.map((i) => pool.query('SELECT $1::int AS i', [i])));
    assert.deepEqual(
      answers.map(({ rows }) => rows[0].i),
      asked,
    );
  });

  it('keeps a transaction apart, also after an error in it', async () => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO numbers VALUES ($1)', [-1]);
    const seenByOther = numbers();
    await assert.rejects(client.query('INSERT INTO numbers VALUES (-1)'), { code: '23505' });
    await assert.rejects(client.query('SELECT $1::int', [1]), { code: '25P02' });
    await client.query('ROLLBACK');
    client.release();
    assert.equal(await seenByOther, 0);
    await assert.rejects(pool.query('SELECT nothing'), { code: '42703' });
    assert.equal(await numbers(), 0);
  });

  it('rolls back what a lost connection left', async () => {
    const client = new pg.Client({ connectionString: server.url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO numbers VALUES (-2)');
    const waiting = numbers();
    await client.end();
    assert.equal(await waiting, 0);
  });

  it('copies in and out', async () => {
    const client = await pool.connect();
    const session = sessionOf(client);
    const words = Array.from({ length: 20_000 }, (_, n) => `word ${n}`);
    await copyIn(session, 'numbers', rowsOf(words));
    assert.equal(await numbers(), 20_000);
    await assert.rejects(copyIn(session, 'numbers', rowsOf(['again'])), { code: '23505' });
    const found: (string | null)[] = [];
    await readRows(session, 'SELECT word FROM numbers ORDER BY n', (row) => found.push(row.text()));
    assert.deepEqual(found, words);
    client.release();
  });

  it('keeps keys unique over compressed chunks, and runs policies by hand', async () => {
    await pool.query(
      'CREATE TABLE points (series int, time timestamptz, value float8, PRIMARY KEY (series, time))',
    );
    await pool.query(`SELECT create_hypertable('points', by_range('time', interval '1 day'))`);
    await pool.query(`ALTER TABLE points SET
      (timescaledb.enable_columnstore, timescaledb.segmentby = 'series', timescaledb.orderby = 'time DESC')`);
    const insert = `INSERT INTO points SELECT s, timestamptz '2026-01-01' + make_interval(mins => m), 1
      FROM generate_series(1, 3) AS s, generate_series(0, $1::int) AS m ON CONFLICT DO NOTHING`;
    assert.equal((await pool.query(insert, [1_999])).rowCount, 6_000);
    await pool.query(`CALL add_columnstore_policy('points', after => interval '7 days')`);
    const { rows } = await pool.query(
      `SELECT job_id FROM timescaledb_information.jobs WHERE hypertable_name = 'points'`,
    );
    await pool.query(`CALL run_job(${rows[0].job_id})`);
    const chunks = await pool.query(
      `SELECT DISTINCT is_compressed FROM timescaledb_information.chunks WHERE hypertable_name = 'points'`,
    );
    assert.deepEqual(chunks.rows, [{ is_compressed: true }]);
    assert.equal((await pool.query(insert, [2_099])).rowCount, 300);
  });
});

/** Words with their numbers. */
function rowsOf(words: readonly string[]): Buffer {
  const rows = new CopyRows();
  for (const [n, word] of words.entries()) {
    rows.row(2);
    rows.integer(n);
    rows.text(word);
  }
  return rows.end();
}
