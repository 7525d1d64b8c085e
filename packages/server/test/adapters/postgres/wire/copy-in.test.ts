import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import pg from 'pg';
import { type Session, sessionOf } from '../../../../src/adapters/store/postgres/connection/session.ts';
import { copyIn } from '../../../../src/adapters/store/postgres/wire/copy-in.ts';
import { CopyRows } from '../../../../src/adapters/store/postgres/wire/copy-rows.ts';
import { readRows } from '../../../../src/adapters/store/postgres/wire/read-rows.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

/** Rows of a number and a text. */
function numbered(from: number, count: number, text = ''): Buffer {
  const rows = new CopyRows();
  for (let n = from; n < from + count; n++) {
    rows.row(2);
    rows.integer(n);
    rows.text(text);
  }
  return rows.end();
}

describe('rows on their way into a table', () => {
  let server: PostgresServer;
  let client: pg.Client;
  let session: Session;
  before(async () => {
    server = await PostgresServer.start();
    client = new pg.Client({ connectionString: server.url(), query_timeout: 20_000 });
    await client.connect();
    session = sessionOf(client);
    await client.query('CREATE TABLE word (n integer PRIMARY KEY, x text)');
  });
  beforeEach(() => session.query('TRUNCATE word'));
  after(async () => {
    await client.end();
    await server.stop();
  });

  const count = async () => (await session.query<{ n: number }>('SELECT count(*) AS n FROM word'))[0]?.n;

  it('arrive as they were written, of every type', async () => {
    await client.query(
      'CREATE TEMPORARY TABLE typed (s smallint, i integer, b bigint, d float8, t timestamptz, m timestamptz, x text, u uuid, y bytea)',
    );
    const rows = new CopyRows();
    rows.row(9);
    rows.smallint(-2);
    rows.integer(-70_000);
    rows.bigint(Number.MIN_SAFE_INTEGER);
    rows.double(-0);
    rows.time(-62_167_219_200_000);
    rows.microseconds(Number.MAX_SAFE_INTEGER);
    rows.text('é\u{1f600}');
    rows.uuid('00112233445566778899aabbccddeeff');
    rows.bytes(Uint8Array.of(0, 255));
    rows.row(9);
    for (let field = 0; field < 9; field++) rows.none();
    assert.equal(rows.count, 2);
    await copyIn(session, 'typed', rows.end());
    const found: unknown[] = [];
    await readRows(session, 'SELECT s, i, b, d, t, m, x, u, y FROM typed', (row) => {
      const numbers = [row.smallint(), row.integer(), row.bigint(), row.double()];
      const times = [row.time(), row.microseconds()];
      found.push([
        ...numbers,
        ...times,
        row.text(),
        row.bytes()?.toString('hex'),
        row.bytes()?.toJSON().data,
      ]);
    });
    assert.deepEqual(found, [
      [
        ...[-2, -70_000, Number.MIN_SAFE_INTEGER, -0, -62_167_219_200_000, Number.MAX_SAFE_INTEGER],
        ...['é\u{1f600}', '00112233445566778899aabbccddeeff', [0, 255]],
      ],
      [null, null, null, null, null, null, null, undefined, undefined],
    ]);
  });

  it('may be many megabytes, and wait until the connection takes them', async () => {
    const bytes = numbered(0, 20_000, 'x'.repeat(1_000));
    let most = 0;
    const { stream } = (client as unknown as { connection: pg.Connection }).connection;
    const { write } = stream;
    stream.write = function (this: typeof stream, ...told: Parameters<typeof write>) {
      const taken = write.apply(this, told);
      most = Math.max(most, this.writableLength);
      return taken;
    } as typeof write;
    await copyIn(session, 'word (n, x)', bytes).finally(() => {
      stream.write = write;
    });
    const [row] = await session.query(
      'SELECT count(*) AS n, sum(length(x)) AS length, max(n) AS last FROM word',
    );
    assert.deepEqual(row, { n: 20_000, length: 20_000_000, last: 19_999 });
    assert.ok(most < bytes.length / 10, `${most} of ${bytes.length} bytes were queued`);
  });

  it('go in turn with the statements before and behind', async () => {
    const order: unknown[] = [];
    await Promise.all([
      session.query('INSERT INTO word VALUES (-1)').then(() => order.push('first')),
      copyIn(session, 'word', numbered(1, 3)).then(() => order.push('copied')),
      count().then((rows) => order.push(rows)),
    ]);
    assert.deepEqual(order, ['first', 'copied', 4]);
  });

  it('leave the connection usable where the server refuses them, at once or on the way', async () => {
    await assert.rejects(copyIn(session, 'nowhere', numbered(0, 1)), { code: '42P01' });
    await assert.rejects(copyIn(session, 'word', numbered(1, 1).fill(0xee, 19, 21)), { code: '22P04' });
    await session.query('INSERT INTO word VALUES (5)');
    // The error comes while most of the rows are still to be sent.
    const repeated = numbered(0, 20_000, 'x'.repeat(1_000));
    await assert.rejects(copyIn(session, 'word', repeated), { code: '23505' });
    assert.equal(await count(), 1);
    await copyIn(session, 'word', numbered(6, 2));
    assert.equal(await count(), 3);
  });

  it('are taken back where the driver gives them up on the way', async () => {
    const held = new pg.Client({ connectionString: server.url() });
    const late = new pg.Client({ connectionString: server.url() });
    await Promise.all([held.connect(), late.connect()]);
    await held.query('BEGIN; INSERT INTO word VALUES (0)');
    const { connectionParameters } = late as unknown as { connectionParameters: { query_timeout: number } };
    connectionParameters.query_timeout = 200;
    // The first row waits for the other transaction, and all others for it.
    const copied = copyIn(sessionOf(late), 'word', numbered(0, 20_000, 'x'.repeat(1_000)));
    await assert.rejects(copied, /Query read timeout/);
    connectionParameters.query_timeout = 0;
    const next = late.query('SELECT 7 AS seven');
    await held.query('ROLLBACK');
    assert.deepEqual((await next).rows, [{ seven: 7 }]);
    assert.equal(await count(), 0);
    await Promise.all([held.end(), late.end()]);
  });

  it('are told of a connection that is lost on the way', async () => {
    const lost = new pg.Client({ connectionString: server.url() });
    lost.on('error', () => {});
    await lost.connect();
    const held = new pg.Client({ connectionString: server.url() });
    await held.connect();
    await held.query('BEGIN; INSERT INTO word VALUES (0)');
    const copied = copyIn(sessionOf(lost), 'word', numbered(0, 20_000, 'x'.repeat(1_000)));
    const pid = (lost as unknown as { processID: number }).processID;
    const ended = session.query('SELECT pg_terminate_backend($1::int)', [pid]);
    await assert.rejects(copied);
    await ended;
    await held.query('ROLLBACK');
    assert.equal(await count(), 0);
    await held.end();
  });

  it('let the process end when they have: no timer is left', async () => {
    const timed = new pg.Client({ connectionString: server.url(), query_timeout: 20_000 });
    await timed.connect();
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    await copyIn(sessionOf(timed), 'word', numbered(0, 1));
    await assert.rejects(copyIn(sessionOf(timed), 'word', numbered(0, 1)), { code: '23505' });
    await readRows(sessionOf(timed), 'SELECT n FROM word', () => {});
    await assert.rejects(
      readRows(sessionOf(timed), 'SELECT 1 / 0', () => {}),
      { code: '22012' },
    );
    const left = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    await timed.end();
    assert.equal(left, before);
  });
});
