import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPostgresAdmin } from '../../../../src/adapters/store/postgres/admin/postgres-admin.ts';
import { inspectPostgresStore } from '../../../../src/adapters/store/postgres/inspect/inspect-store.ts';
import { countedDetection } from '../../../../src/conformance/detections/make-detections.ts';
import { counted } from '../../../../src/conformance/make-events.ts';
import { readHistory } from '../../../../src/conformance/read-store.ts';
import { pointBatch } from '../../../../src/conformance/telemetry/make-points.ts';
import type { CommitGroup } from '../../../../src/ports/store.ts';
import type { PolicyView, StoreAdmin } from '../../../../src/ports/store-admin.ts';
import { type TimescalePlace, TimescaleServer } from './timescale-place.ts';

const DAY = 86_400_000;
/** Jobs go by the clock of the server. */
const today = Math.floor(Date.now() / DAY);

let server: TimescaleServer;
before(async () => {
  server = await TimescaleServer.start();
});
after(() => server.close());

/** An event, a point and a detection at noon of each of some days that have passed. */
function groupOf(ages: readonly number[], epoch = 'epoch-1'): CommitGroup {
  const at = (age: number) => (today - age) * DAY + DAY / 2;
  return {
    observations: ages.map((age) => counted(age, { epoch, deviceTime: at(age), timestamp: at(age) })),
    detections: ages.map((age) => countedDetection(10_000 + age, { epoch, timestamp: at(age) })),
    points: pointBatch(ages.map((age) => ({ deviceId: 'pi-1', key: 't', time: at(age) * 1000, value: age }))),
    rejected: [],
  };
}

async function withAdmin<T>(place: TimescalePlace, use: (admin: StoreAdmin) => Promise<T>): Promise<T> {
  const admin = await openPostgresAdmin(place.url);
  try {
    return await use(admin);
  } finally {
    await admin.close();
  }
}

const set = (place: TimescalePlace, values: Readonly<Record<string, string>>): Promise<void> =>
  withAdmin(place, (admin) => admin.setPolicies(new Map(Object.entries(values))));

async function shown(place: TimescalePlace, name: string): Promise<PolicyView | undefined> {
  return (await withAdmin(place, (admin) => admin.policies())).find((policy) => policy.name === name);
}

/** What TimescaleDB has been told, job by job. */
async function jobs(place: TimescalePlace): Promise<readonly string[]> {
  const rows = await place.sql(
    `SELECT hypertable_name AS t, proc_name AS p, coalesce(config ->> 'compress_after', config ->> 'drop_after') AS after
     FROM timescaledb_information.jobs WHERE hypertable_schema = current_schema() ORDER BY 1, 2`,
  );
  return rows.map(({ t, p, after: days }) => `${String(t)} ${String(p)} ${String(days)}`);
}

const usual = [
  'point policy_compression 7 days',
  'telemetry_day policy_refresh_continuous_aggregate null',
  'telemetry_hour policy_refresh_continuous_aggregate null',
];

const points = async ({ store }: TimescalePlace): Promise<readonly number[]> => {
  const series = { deviceId: 'pi-1', key: 't' };
  const answer = await store.telemetry.range({ series, from: 0, to: Number.MAX_SAFE_INTEGER, limit: 1000 });
  return [...(answer?.points.values ?? [])];
};

const packedChunks = async (place: TimescalePlace): Promise<number> => {
  const [row] = await place.sql(
    `SELECT count(*)::int AS n FROM timescaledb_information.chunks WHERE hypertable_schema = current_schema() AND is_compressed`,
  );
  return Number(row?.['n']);
};

describe('policies of a store with hypertables', () => {
  test('are jobs of TimescaleDB from its first start on, and are shown with them', () =>
    server.withStore(async (place) => {
      assert.deepEqual(await jobs(place), usual);
      const sealing = await shown(place, 'telemetry_seal_after');
      assert.equal(sealing?.value, '7');
      assert.match(sealing?.help ?? '', /columnstore \(job \d+\)$/);
      assert.match(
        (await shown(place, 'telemetry_sums'))?.help ?? '',
        /telemetry_hour and telemetry_day \(jobs \d+, \d+\)$/,
      );
      assert.match(
        (await shown(place, 'events_retention'))?.help ?? '',
        /chunk of sync events is dropped[^(]*$/,
      );
      const [report] = [await place.round(Date.now())];
      assert.deepEqual([report.ran, report.made, report.dropped, report.failures], [true, [], [], []]);
    }));

  test('are changed and turned off with what they declare', () =>
    server.withStore(async (place) => {
      await set(place, { telemetry_seal_after: '3', telemetry_retention: '30', events_retention: '90' });
      const changed = [
        'point policy_compression 3 days',
        'point policy_retention 30 days',
        'sync_event policy_retention 90 days',
        'telemetry_day policy_refresh_continuous_aggregate null',
        'telemetry_day policy_retention 30 days',
        'telemetry_hour policy_refresh_continuous_aggregate null',
        'telemetry_hour policy_retention 30 days',
      ];
      assert.deepEqual(await jobs(place), changed);
      assert.match((await shown(place, 'telemetry_retention'))?.help ?? '', /\(jobs \d+, \d+, \d+\)$/);
      await set(place, { telemetry_seal_after: 'off', telemetry_retention: 'off', events_retention: '45' });
      assert.deepEqual(await jobs(place), ['sync_event policy_retention 45 days', ...usual.slice(1)]);
      await set(place, { telemetry_seal_after: '7', events_retention: 'off' });
      assert.deepEqual(await jobs(place), usual);
    }));

  test('are what a round makes of jobs that somebody else changed', () =>
    server.withStore(async (place) => {
      await place.sql("SELECT public.add_retention_policy('detection', drop_after => INTERVAL '9 days')");
      await place.sql(
        `SELECT public.alter_job(job_id, config => config || '{"compress_after": "1 day"}') FROM timescaledb_information.jobs
         WHERE proc_name = 'policy_compression' AND hypertable_schema = current_schema()`,
      );
      await place.sql("SELECT public.remove_continuous_aggregate_policy('telemetry_day')");
      const warned = async () =>
        (await inspectPostgresStore(place.url)).find(({ check }) => check === 'policies');
      assert.match((await warned())?.detail ?? '', /columnstore of point after 7 days, before it was 1/);
      const report = await place.round(Date.now());
      assert.deepEqual(report.failures, []);
      assert.deepEqual(report.made, [
        'job: columnstore of point after 7 days, before it was 1',
        'job: refresh of telemetry_day',
      ]);
      assert.deepEqual(report.dropped, ['job: retention of detection']);
      assert.deepEqual(await jobs(place), usual);
      assert.equal((await warned())?.severity, 'ok');
      const again = await place.round(Date.now());
      assert.deepEqual([again.made, again.dropped], [[], []]);
    }));

  test('of the other layout are neither shown nor taken', () =>
    server.withStore(async (place) => {
      assert.equal(await shown(place, 'partitions_ahead'), undefined);
      await assert.rejects(set(place, { partitions_ahead: '3' }), {
        code: 'invalid_config',
        message: /no policy "partitions_ahead" of a store in hypertables/,
      });
      await assert.rejects(set(place, { telemetry_retention: '1' }), { code: 'invalid_config' });
      assert.deepEqual(await jobs(place), usual);
    }));

  test('are done by their jobs: packed, summed up, dropped, and what was dropped is still known', () =>
    server.withStore(async (place) => {
      const ages = [0, 1, 5, 20, 80, 200];
      const group = groupOf(ages);
      await place.store.commit(group);
      const device = await place.store.device('pi-1');
      await place.runJobs('policy_compression');
      assert.equal(await packedChunks(place), 3);
      assert.deepEqual(await points(place), [...ages].reverse());
      await place.runJobs('policy_refresh_continuous_aggregate');
      await place.round(Date.now());
      await set(place, { events_retention: '90', detections_retention: '90', telemetry_retention: '30' });
      await place.runJobs('policy_retention');
      assert.deepEqual(await points(place), [20, 5, 1, 0]);
      const history = await readHistory(place.store, { deviceId: 'pi-1' });
      assert.deepEqual(history.map(({ seq }) => seq).sort(), [0, 1, 20, 5, 80]);
      assert.deepEqual(await place.store.device('pi-1'), device);
      const report = await place.round(Date.now());
      assert.deepEqual(report.failures, []);
      const [days] = await place.sql('SELECT count(*)::int AS n, min(day) AS first FROM point_day');
      assert.deepEqual(days, { n: 4, first: today - 20 });
      assert.deepEqual(
        await place.sql('SELECT day FROM point_summed WHERE day < (SELECT min(day) FROM point_day)'),
        [],
      );
      const again = await place.store.commit({ ...group, points: undefined });
      assert.deepEqual(new Set(again), new Set(['duplicate']));
      // As a partition does, a chunk comes again for what was not there before.
      const late = await place.store.commit(groupOf([200], 'epoch-2'));
      assert.deepEqual(new Set(late), new Set(['stored']));
      assert.deepEqual((await place.store.verify()).map(({ severity }) => severity).includes('error'), false);
    }));

  test('that cannot be followed are told, and do not stop the others', () =>
    server.withStore(async (place) => {
      await place.sql("INSERT INTO policy VALUES ('events_retention', '90'), ('detections_retention', '90')");
      await place.sql('ALTER TABLE sync_event RENAME TO elsewhere');
      const report = await place.round(Date.now());
      await place.sql('ALTER TABLE elsewhere RENAME TO sync_event');
      assert.deepEqual(
        report.failures.map(({ policy }) => policy),
        ['events_retention'],
      );
      assert.deepEqual(report.made, ['job: retention of detection after 90 days']);
      assert.deepEqual((await place.round(Date.now())).made, ['job: retention of sync_event after 90 days']);
    }));
});

describe('looking at a store with hypertables', () => {
  test('tells sizes with what is packed, of tables, chunks and sums', () =>
    server.withStore(async (place) => {
      await place.store.commit(groupOf([10, 20, 30]));
      const sizes = async () => (await withAdmin(place, (admin) => admin.status())).tables;
      const before = await sizes();
      assert.equal(before.filter(({ partitionOf }) => partitionOf === 'point').length, 3);
      await place.store.settle();
      const found = await sizes();
      const named = (name: string) => found.find((table) => table.name === name);
      const chunks = found.filter(({ partitionOf }) => partitionOf === 'point');
      const [packed] = await place.sql(
        "SELECT sum(after_compression_total_bytes)::float8 AS bytes FROM public.chunk_columnstore_stats('point')",
      );
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
      assert.ok(Number(packed?.['bytes']) > 0 && bytes >= Number(packed?.['bytes']));
      assert.ok((named('point')?.bytes ?? 0) > bytes);
      for (const view of ['telemetry_hour', 'telemetry_day']) assert.ok((named(view)?.bytes ?? 0) > 0);
      assert.equal(
        new Set(found.map(({ name, partitionOf }) => `${partitionOf} ${name}`)).size,
        found.length,
      );
    }));

  test('finds its indexes, its jobs, and that nothing runs them here', () =>
    server.withStore(async (place) => {
      const findings = await inspectPostgresStore(place.url);
      const of = (check: string) => findings.filter((finding) => finding.check === check);
      assert.match(of('timescaledb')[0]?.detail ?? '', /hypertables and columnstore/);
      assert.deepEqual([of('indexes')[0]?.severity, of('policies')[0]?.severity], ['ok', 'ok']);
      assert.match(of('jobs')[0]?.detail ?? '', /no job runs/);
      assert.deepEqual(of('partitions'), []);
      await place.sql('DROP INDEX sync_event_history');
      const [indexes] = (await inspectPostgresStore(place.url)).filter(({ check }) => check === 'indexes');
      assert.match(indexes?.detail ?? '', /sync_event_history is missing/);
    }));
});
