import type { Observation, PointBatch } from '@pisync/protocol';
import pg from 'pg';
import {
  numberArray,
  textArray,
} from '../../packages/server/src/adapters/store/postgres/connection/arrays.ts';
import { sessionOf } from '../../packages/server/src/adapters/store/postgres/connection/session.ts';
import { copyIn } from '../../packages/server/src/adapters/store/postgres/wire/copy-in.ts';
import { CopyRows } from '../../packages/server/src/adapters/store/postgres/wire/copy-rows.ts';

/** What SQL alone does with the same rows: no positions, no state of devices, no answer for each item. */
export class RawEvents {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async open(url: string): Promise<RawEvents> {
    const client = await connected(url);
    await client.query(`
      CREATE TABLE IF NOT EXISTS event (
        device_id text NOT NULL,
        epoch text NOT NULL,
        seq bigint NOT NULL,
        event_id text,
        timestamp timestamptz NOT NULL,
        device_time timestamptz,
        sent_at timestamptz,
        received_at timestamptz NOT NULL,
        clock_quality smallint NOT NULL,
        total_files_synced bigint NOT NULL,
        total_errors bigint NOT NULL,
        internet_speed double precision,
        sync_duration_ms bigint,
        bytes_synced bigint,
        metadata text,
        PRIMARY KEY (device_id, epoch, seq)
      )`);
    return new RawEvents(client);
  }

  /** One statement, which is one commit. @returns rows that were new */
  async insert(events: readonly Observation[]): Promise<number> {
    const numbers = (of: (event: Observation) => number | null) => numberArray(events.map(of));
    const texts = (of: (event: Observation) => string | null) => textArray(events.map(of));
    const { rowCount } = await this.#client.query({
      name: 'insert events',
      text: INSERT_EVENTS,
      values: [
        texts(({ deviceId }) => deviceId),
        texts(({ epoch }) => epoch),
        numbers(({ seq }) => seq),
        texts(({ eventId }) => eventId),
        numbers(({ timestamp }) => timestamp),
        numbers(({ deviceTime }) => deviceTime),
        numbers(({ sentAt }) => sentAt),
        numbers(({ receivedAt }) => receivedAt),
        numbers(({ clockQuality }) => qualities.indexOf(clockQuality)),
        numbers(({ totalFilesSynced }) => totalFilesSynced),
        numbers(({ totalErrors }) => totalErrors),
        numbers(({ internetSpeed }) => internetSpeed),
        numbers(({ syncDurationMs }) => syncDurationMs),
        numbers(({ bytesSynced }) => bytesSynced),
        texts(({ metadata }) => metadata),
      ],
    });
    return rowCount ?? 0;
  }

  close(): Promise<void> {
    return this.#client.end();
  }
}

const qualities = ['ok', 'corrected', 'unknown'];

const time = (name: string): string => `timestamptz 'epoch' + ${name} * interval '1 millisecond'`;

const INSERT_EVENTS = `
  INSERT INTO event
  SELECT device_id, epoch, seq, event_id, ${time('at')}, ${time('device_time')}, ${time('sent_at')}, ${time('received_at')},
    quality, files, errors, speed, duration, bytes, metadata
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::smallint[], $10::bigint[], $11::bigint[], $12::float8[], $13::bigint[], $14::bigint[], $15::text[])
    AS t (device_id, epoch, seq, event_id, at, device_time, sent_at, received_at, quality, files, errors, speed, duration, bytes,
      metadata)
  ON CONFLICT DO NOTHING`;

/** Points by COPY into one table, in the binary format, by somebody who knows the number of each series. */
export class RawPoints {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async open(url: string): Promise<RawPoints> {
    const client = await connected(url);
    await client.query(`
      CREATE TABLE IF NOT EXISTS point (
        series integer NOT NULL,
        time timestamptz NOT NULL,
        value double precision NOT NULL,
        PRIMARY KEY (series, time)
      )`);
    return new RawPoints(client);
  }

  /** One COPY, which is one commit. */
  async copy({ count, seriesOf, times, values }: PointBatch): Promise<void> {
    const rows = new CopyRows();
    for (let at = 0; at < count; at++) {
      rows.row(3);
      rows.integer(seriesOf[at]!);
      rows.time(times[at]! / 1000);
      rows.double(values[at]!);
    }
    await copyIn(sessionOf(this.#client), 'point (series, time, value)', rows.end());
  }

  async count(): Promise<number> {
    const { rows } = await this.#client.query<{ count: string }>('SELECT count(*) FROM point');
    return Number(rows[0]?.count);
  }

  close(): Promise<void> {
    return this.#client.end();
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}
