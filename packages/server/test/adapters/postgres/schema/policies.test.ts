import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import {
  Database,
  usualDatabaseOptions,
} from '../../../../src/adapters/store/postgres/connection/database.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import {
  type PackedTelemetry,
  runPolicies,
} from '../../../../src/adapters/store/postgres/schema/policies.ts';
import { now } from '../../../../src/conformance/make-events.ts';
import { readHistory } from '../../../../src/conformance/read-store.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';
import { answersOf, sampleGroup } from '../../migrations/sample-data.ts';

const DAY = 86_400_000;

let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start();
});
after(() => server.stop());

/** A store with events of four months, points of 60 days and detections of 80. */
class Kept {
  readonly url: string;
  readonly database: Database;
  readonly store: Store;
  /** What the packing of telemetry was asked for. */
  readonly asked: string[] = [];
  readonly packed: PackedTelemetry = {
    sealPoints: async (day) => {
      this.asked.push(`seal ${day}`);
      return [`sealed before ${day}`];
    },
    dropSealedPoints: async (day) => {
      this.asked.push(`drop ${day}`);
      return [];
    },
  };

  private constructor(url: string, store: Store) {
    this.url = url;
    this.store = store;
    this.database = new Database(url, { ...usualDatabaseOptions, queryConnections: 2 });
  }

  static async open(): Promise<Kept> {
    const url = await server.createDatabase();
    const store = await openPostgresStore(url, { partial: 'failure' });
    await store.commit(sampleGroup());
    return new Kept(url, store);
  }

  async query(text: string): Promise<readonly Record<string, unknown>[]> {
    return (await server.query(text, new URL(this.url).pathname.slice(1))).rows;
  }

  async declare(values: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(values)) {
      await this.query(`INSERT INTO pisync.policy VALUES ('${name}', '${value}')`);
    }
  }

  run(at = now): ReturnType<typeof runPolicies> {
    return runPolicies(this.database, this.packed, at);
  }

  /** Names of what is attached to a table. */
  async partitions(table: string): Promise<readonly unknown[]> {
    const rows = await this.query(
      `SELECT relname::text AS name FROM pg_inherits JOIN pg_class ON oid = inhrelid
       WHERE inhparent = 'pisync.${table}'::regclass ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  }

  async tables(prefix: string): Promise<readonly unknown[]> {
    const rows = await this.query(
      `SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'pisync' AND tablename ~ '^${prefix}_\\d' ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.database.close();
  }
}

async function withKept(use: (kept: Kept) => Promise<void>): Promise<void> {
  const kept = await Kept.open();
  try {
    await use(kept);
  } finally {
    await kept.close();
  }
}

const monthly = (table: string, ...months: readonly string[]): readonly string[] =>
  months.map((month) => `${table}_${month}`);

describe('a round of policies', () => {
  test('makes the months ahead, and by default drops nothing', () =>
    withKept(async (kept) => {
      const answers = await answersOf(kept.store);
      const report = await kept.run();
      assert.deepEqual(report.failures, []);
      assert.deepEqual([report.ran, report.dropped], [true, []]);
      assert.deepEqual([...report.made].sort(), [
        ...monthly('detection', '2026_12', '2027_01'),
        ...monthly('sync_event', '2026_12', '2027_01'),
      ]);
      for (const name of report.made) {
        assert.ok((await kept.partitions(name.replace(/_\d.*/, ''))).includes(name));
      }
      const day = Math.floor(now / DAY) - 1;
      assert.deepEqual([report.sealed, kept.asked], [[`sealed before ${day}`], [`seal ${day}`]]);
      assert.deepEqual((await kept.run()).made, []);
      assert.deepEqual(await answersOf(kept.store), answers);
      await kept.declare({ partitions_ahead: '14', telemetry_seal_after: 'off' });
      assert.equal((await kept.run()).made.length, 24);
      assert.equal(kept.asked.length, 2);
    }));

  test('drops months that ended long enough ago, and what was in them is still known', () =>
    withKept(async (kept) => {
      const numbers = async () => (await kept.store.device('pi-1'))?.consecutiveFailures;
      const failures = await numbers();
      const old = (await kept.partitions('sync_event')).filter((name) => String(name) < 'sync_event_2026_10');
      assert.ok(old.length >= 2);
      await kept.declare({ events_retention: '45', detections_retention: '31' });
      const report = await kept.run();
      assert.deepEqual(report.failures, []);
      // 45 days before 20 November are in October, which is not over then; 31 days before are, too.
      assert.deepEqual(
        report.dropped.filter((name) => name.startsWith('sync_event')),
        old,
      );
      assert.deepEqual(
        report.dropped.filter((name) => name.startsWith('detection')),
        monthly('detection', '2026_09'),
      );
      assert.deepEqual(await kept.tables('sync_event'), await kept.partitions('sync_event'));
      const left = await readHistory(kept.store, { deviceId: 'pi-1' });
      assert.ok(left.length > 0 && left.every(({ timestamp }) => timestamp >= Date.UTC(2026, 9)));
      assert.equal(await numbers(), failures);
      assert.deepEqual(
        new Set(await kept.store.commit({ ...sampleGroup(), points: undefined })),
        new Set(['duplicate']),
      );
      assert.deepEqual((await kept.run()).dropped, []);
    }));

  test('drops days of telemetry, with what is packed of them', () =>
    withKept(async (kept) => {
      await kept.declare({ telemetry_retention: '30' });
      const day = Math.floor(now / DAY) - 30;
      const report = await kept.run();
      assert.deepEqual(report.failures, []);
      assert.ok(report.dropped.length >= 25);
      assert.ok(kept.asked.includes(`drop ${day}`));
      assert.deepEqual(
        (await kept.query(`SELECT count(*)::int AS n FROM pisync.point_day WHERE day < ${day}`))[0]?.['n'],
        0,
      );
      const [{ points } = {}] = await kept.query(
        `SELECT count(*)::int AS points FROM pisync.point WHERE time < to_timestamp(${day * 86_400})`,
      );
      assert.equal(points, 0);
      const answer = await kept.store.telemetry.range({
        series: { deviceId: 'pi-1', key: 'cpu-0' },
        from: 0,
        to: now * 1000 + 1,
        limit: 1000,
      });
      assert.equal(answer?.points.times.length, 16);
      // A late point of such a day makes its table again; the next round takes it away.
      await kept.store.commit({ ...sampleGroup(), observations: [], detections: [], rejected: [] });
      assert.equal((await kept.run()).dropped.length, report.dropped.length);
    }));

  test('finishes what a killed round left half-way', () =>
    withKept(async (kept) => {
      await kept.declare({ events_retention: '45', telemetry_retention: '30' });
      await kept.query('ALTER TABLE pisync.sync_event DETACH PARTITION pisync.sync_event_2026_08');
      // Begun, and waiting for a reader: the server is told to stop then.
      const reader = new pg.Client({ connectionString: kept.url });
      await reader.connect();
      await reader.query('BEGIN; SELECT count(*) FROM pisync.sync_event; SELECT count(*) FROM pisync.point');
      const rounds = kept.run();
      const waiting = `SELECT pid FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE%CONCURRENTLY'
        AND wait_event_type = 'Lock' AND datname = current_database()`;
      const ended = new Set<unknown>();
      while (ended.size < 2) {
        for (const { pid } of await kept.query(waiting)) {
          if (!ended.has(pid)) await kept.query(`SELECT pg_terminate_backend(${String(pid)})`);
          ended.add(pid);
        }
        await delay(10);
      }
      const cut = await rounds;
      assert.deepEqual(
        cut.failures.map(({ policy }) => policy),
        ['events_retention', 'telemetry_retention'],
      );
      await reader.query('COMMIT');
      await reader.end();
      const pending = await kept.query(
        'SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhdetachpending',
      );
      assert.equal(pending.length, 2);

      const report = await kept.run();
      assert.deepEqual(report.failures, []);
      assert.deepEqual(await kept.tables('sync_event'), await kept.partitions('sync_event'));
      const [{ days } = {}] = await kept.query('SELECT count(*)::int AS days FROM pisync.point_day');
      assert.equal((await kept.tables('point')).length, days);
      assert.ok(!(await kept.tables('sync_event')).some((name) => String(name) < 'sync_event_2026_10'));
    }));

  test('is done by one process at a time, while commits and questions go on', () =>
    withKept(async (kept) => {
      await kept.declare({ events_retention: '45', telemetry_retention: '30', detections_retention: '31' });
      let going = true;
      const commits = (async () => {
        for (let round = 1; going; round += 1) {
          const observations = sampleGroup()
            .observations.slice(0, 20)
            .map((one) => ({ ...one, epoch: `late-${round}` }));
          const outcomes = await kept.store.commit({ observations, rejected: [] });
          assert.deepEqual(new Set(outcomes), new Set(['stored']));
          await readHistory(kept.store, { deviceId: 'pi-1' });
        }
      })();
      const reports = await Promise.all([kept.run(), kept.run(), kept.run()]);
      going = false;
      await commits;
      assert.equal(reports.filter(({ ran }) => ran).length, 1);
      assert.ok(reports.some(({ dropped }) => dropped.length > 25));
      for (const { failures } of reports) assert.deepEqual(failures, []);
    }));

  test('goes on with the others where one fails, and says which', () =>
    withKept(async (kept) => {
      await kept.declare({ events_retention: '45', detections_retention: '31' });
      await kept.query('CREATE TABLE pisync.stranger (month text)');
      await kept.query('CREATE VIEW pisync.looks AS SELECT * FROM pisync.sync_event_2026_08');
      const report = await kept.run();
      assert.deepEqual(
        report.failures.map(({ policy }) => policy),
        ['events_retention'],
      );
      assert.ok(report.dropped.includes('detection_2026_09'));
      await kept.query('DROP VIEW pisync.looks');
      assert.ok((await kept.run()).dropped.includes('sync_event_2026_08'));
      assert.deepEqual(await kept.query('SELECT FROM pisync.stranger'), []);
    }));
});
