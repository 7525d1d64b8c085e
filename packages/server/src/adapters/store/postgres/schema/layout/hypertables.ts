import { defaultPolicies } from '../declared-policies.ts';
import { planJobs, wantedJobs } from './jobs.ts';
import type { Hypertables } from './layout.ts';

/**
 * What makes tables of a store be hypertables; to be run when they are empty, behind the statements that make them.
 *
 * - Chunks of `sync_event` and `detection` hold 30 days, as a partition holds a month: a history is read by device, so that each
 *   chunk costs a look into its index, and a year is 13 of them; 100,000 devices with ten syncs a day write 30 million rows in
 *   that time, whose newest index pages stay in memory.
 * - A chunk of `point` holds a day of UTC: telemetry is by far the most, a chunk is what is packed and dropped at once, and a day
 *   is the step of the policies and of `point_day`. A thousand days make a thousand chunks, which the planner still excludes in
 *   milliseconds by their bounds.
 * - Only `point` goes into the columnstore, by series and time, as it is read. Events and detections stay rows: their questions
 *   read few rows of one device by indexes, of which the columnstore keeps none, and late ones would unpack what they fall into.
 * - The unique key of `point` holds its time, and is the one that partitions have. Identities stay a plain table.
 * - `telemetry_hour` and `telemetry_day`: sums of the numbers and booleans of each series by hour and day of UTC. What is newer
 *   than their last refresh is computed from the points when they are read. Days are summed up from hours.
 * - `point_summed`: days that were over when they were refreshed, and the number of commits (`point_day.commits`) that had
 *   written into them until then. While that number stands, nothing came since, and the sums of the day are exact.
 */
export function hypertableStatements({ functions }: Pick<Hypertables, 'functions'>): readonly string[] {
  const hypertable = (table: string, column: string, chunk: string) =>
    `SELECT ${functions}.create_hypertable('${table}', ${functions}.by_range('${column}', INTERVAL '${chunk}'),
      create_default_indexes => false)`;
  const bucket = (width: string, column: string) =>
    `${functions}.time_bucket(INTERVAL '${width}', ${column})`;
  const jobs = planJobs(wantedJobs(defaultPolicies('hypertables')), [], { functions });
  return [
    hypertable('sync_event', 'timestamp', '30 days'),
    hypertable('detection', 'timestamp', '30 days'),
    hypertable('point', 'time', '1 day'),
    `ALTER TABLE point SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'series', timescaledb.orderby = 'time')`,
    'CREATE TABLE point_summed (day integer PRIMARY KEY, commits bigint NOT NULL)',
    `CREATE MATERIALIZED VIEW telemetry_hour WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
      SELECT series, ${bucket('1 hour', 'time')} AS hour, count(*) AS count, sum(value) AS sum, min(value) AS min,
        max(value) AS max, min(time) AS first_time, ${functions}.first(value, time) AS first, max(time) AS last_time,
        ${functions}.last(value, time) AS last
      FROM point WHERE value IS NOT NULL GROUP BY series, ${bucket('1 hour', 'time')} WITH NO DATA`,
    `CREATE MATERIALIZED VIEW telemetry_day WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
      SELECT series, ${bucket('1 day', 'hour')} AS day, sum(count)::bigint AS count, sum(sum) AS sum, min(min) AS min,
        max(max) AS max, min(first_time) AS first_time, ${functions}.first(first, first_time) AS first,
        max(last_time) AS last_time, ${functions}.last(last, last_time) AS last
      FROM telemetry_hour GROUP BY series, ${bucket('1 day', 'hour')} WITH NO DATA`,
    ...jobs.map(({ statement }) => statement),
  ];
}
