import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { type Session, sessionOf } from '../../../../src/adapters/store/postgres/connection/session.ts';
import {
  bigintArray,
  doubleArray,
  smallintArray,
  textArrayBytes,
  timeArray,
} from '../../../../src/adapters/store/postgres/wire/binary-arrays.ts';
import { readRows } from '../../../../src/adapters/store/postgres/wire/read-rows.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

describe('rows in binary form', () => {
  let server: PostgresServer;
  let client: pg.Client;
  let session: Session;
  before(async () => {
    server = await PostgresServer.start();
    client = new pg.Client({ connectionString: server.url(), query_timeout: 5_000 });
    await client.connect();
    session = sessionOf(client);
  });
  after(async () => {
    await client.end();
    await server.stop();
  });

  it('come back as they were sent, bit for bit', async () => {
    const doubles = [-0, 0, Number.MIN_VALUE, Number.MAX_VALUE, 0.1, -1e-300, Number.EPSILON, null];
    const bigints = [
      0,
      -1,
      1,
      2 ** 32,
      -(2 ** 32) - 1,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      null,
    ];
    const smallints = [0, -1, 32_767, -32_768, 1, 2, 3, null];
    const times = [
      0,
      -62_167_219_200_000,
      253_402_300_799_999,
      946_684_799_999,
      946_684_800_001,
      -1,
      1,
      null,
    ];
    const texts = [
      '',
      '\'\\"{}',
      '\0',
      '\u0001',
      '\u0001\u0002\0\0\u0001',
      '\u{1f600}',
      'é'.repeat(3000),
      null,
    ];
    await client.query('CREATE TEMPORARY TABLE sent (d float8, b bigint, s smallint, t timestamptz, x text)');
    await session.query(
      'INSERT INTO sent SELECT * FROM unnest($1::float8[], $2::bigint[], $3::smallint[], $4::timestamptz[], $5::text[])',
      [
        doubleArray(doubles),
        bigintArray(bigints),
        smallintArray(smallints),
        timeArray(times),
        textArrayBytes(texts),
      ],
    );
    const rows: unknown[][] = [];
    await readRows(session, 'SELECT * FROM sent', (row) => {
      rows.push([row.double(), row.bigint(), row.smallint(), row.time(), row.text()]);
    });
    const sent = doubles.map((double, at) => [double, bigints[at], smallints[at], times[at], texts[at]]);
    assert.deepEqual(rows, sent);
    const [years] = await session.query<{ least: string; most: string }>(
      `SELECT min(t AT TIME ZONE 'UTC')::text AS least, max(t AT TIME ZONE 'UTC')::text AS most FROM sent`,
    );
    assert.deepEqual(years, { least: '0001-01-01 00:00:00 BC', most: '9999-12-31 23:59:59.999' });
  });

  it('sort by code points, though they may hold U+0000', async () => {
    const texts = [
      'a',
      '\0',
      '\0a',
      '\u0001',
      '\u0001a',
      '\u0002',
      'a\0b',
      'aa',
      'a\u0001',
      '\uffff',
      '\u{1f600}',
    ];
    const found: (string | null)[] = [];
    await client.query('CREATE TEMPORARY TABLE word (x text COLLATE "C")');
    await session.query('INSERT INTO word SELECT unnest($1::text[])', [textArrayBytes(texts)]);
    await readRows(session, 'SELECT x FROM word ORDER BY x', (row) => found.push(row.text()));
    assert.deepEqual(
      found,
      texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
  });

  it('are handed out however many and long they are', async () => {
    let sum = 0;
    let length = 0;
    const query = `SELECT n, repeat('x', n % 5000) FROM generate_series(1, 20000) AS n`;
    await readRows(session, query.replace('SELECT n', 'SELECT n::bigint'), (row) => {
      sum += row.bigint() as number;
      length += (row.text() as string).length;
    });
    assert.deepEqual([sum, length], [20_000 * 10_000.5, 4 * 2_499.5 * 5_000]);
    await readRows(session, 'SELECT 1::bigint WHERE false', () => assert.fail('there is no row'));
  });

  it('leave the connection usable when the server or the reader fails', async () => {
    await assert.rejects(
      readRows(session, 'SELECT 1 / (n - 3000) FROM generate_series(1, 5000) AS n', () => {}),
      { code: '22012' },
    );
    const seen: number[] = [];
    await assert.rejects(
      readRows(session, 'SELECT n::bigint FROM generate_series(1, 50000) AS n', (row) => {
        seen.push(row.bigint() as number);
        if (seen.length === 3) throw new RangeError('enough');
      }),
      new RangeError('enough'),
    );
    assert.deepEqual(seen, [1, 2, 3]);
    assert.deepEqual(await session.query('SELECT 7 AS seven'), [{ seven: 7 }]);
  });

  it('are read in turn with the statements before and behind', async () => {
    const order: unknown[] = [];
    await Promise.all([
      session.query('CREATE TEMPORARY TABLE turn (n bigint)').then(() => order.push('made')),
      session.query('INSERT INTO turn VALUES (1)').then(() => order.push('filled')),
      readRows(session, 'SELECT n FROM turn', (row) => order.push(row.bigint())),
      session.query('DROP TABLE turn').then(() => order.push('gone')),
    ]);
    assert.deepEqual(order, ['made', 'filled', 1, 'gone']);
  });

  it('are given up with their connection where a reader fails long before their end', async () => {
    const other = new pg.Client({ connectionString: server.url() });
    other.on('error', () => {});
    await other.connect();
    const rows = readRows(
      sessionOf(other),
      `SELECT repeat('x', 1000) FROM generate_series(1, 1000000)`,
      () => {
        throw new RangeError('enough');
      },
    );
    await assert.rejects(rows, new RangeError('enough'));
    await assert.rejects(other.query('SELECT 1'));
    await other.end();
  });
});
