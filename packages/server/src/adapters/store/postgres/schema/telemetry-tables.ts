/**
 * Tables of telemetry. Times are `timestamptz` of whole microseconds.
 *
 * - `series`: which device measures what, numbered from 0 in the order of the first point that was kept, and the newest point
 *   of each. `name` is 128 bits of the SHA-256 of the device and the key: keys may be longer than what an index takes.
 *   `kinds` are all kinds of value that it ever had, see `kindBit`.
 * - `point`: partitioned by day of UTC, made when the first point of a day comes; see telemetry/point-days.ts. A text has no
 *   `value`, so that sums leave it out; a boolean is 0 or 1. The key holds the value, too: what is summed up is then read from
 *   the index alone.
 * - `point_day`: the days that ever had a partition, as days since 1970, how many commits wrote into each, and whether it has
 *   one now; of a hypertable all days that points came for.
 * - `point_block`: sealed days, in blocks of the format that docs/spec/sqlite-points.md tells, by series and time. A `run` is what
 *   was sealed at once; where a day has several, the points of a later one replace those of the same time in others, as do those
 *   of its partition, if it has one again. Times are microseconds since 1970. Empty where points are a hypertable.
 * - `point_bounds`: one row; days from `past` to before `future` have partitions of their own. Only where there are partitions.
 */
export const telemetryTables: readonly string[] = [
  `CREATE TABLE series (
    number integer PRIMARY KEY,
    name uuid NOT NULL UNIQUE,
    device_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    newest_time timestamptz NOT NULL,
    newest_value double precision,
    newest_kind smallint NOT NULL,
    newest_text text,
    kinds smallint NOT NULL
  ) WITH (fillfactor = 50)`,
  'CREATE INDEX series_device ON series (device_id, number)',
  `CREATE TABLE point (
    series integer NOT NULL,
    time timestamptz NOT NULL,
    value double precision,
    kind smallint NOT NULL,
    text text,
    PRIMARY KEY (series, time) INCLUDE (value)
  ) PARTITION BY RANGE (time)`,
  `CREATE TABLE point_day (
    day integer PRIMARY KEY,
    commits bigint NOT NULL,
    open boolean NOT NULL
  ) WITH (fillfactor = 10)`,
  `CREATE TABLE point_block (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day integer NOT NULL,
    run integer NOT NULL,
    series_from integer NOT NULL,
    series_to integer NOT NULL,
    time_from bigint NOT NULL,
    time_to bigint NOT NULL,
    count integer NOT NULL,
    data bytea NOT NULL
  )`,
  'ALTER TABLE point_block ALTER COLUMN data SET STORAGE EXTERNAL',
  'CREATE INDEX point_block_day ON point_block (day, run)',
  `CREATE INDEX point_block_place ON point_block
    USING gist (int4range(series_from, series_to, '[]'), int4range(day, day, '[]'))`,
];

/** Partitions for days that have none of their own: only where there are partitions. */
export const pointBounds: readonly string[] = [
  `CREATE TABLE point_bounds (
    id smallint PRIMARY KEY CHECK (id = 1),
    past integer NOT NULL,
    future integer NOT NULL
  )`,
  `INSERT INTO point_bounds (id, past, future)
    SELECT 1, floor(extract(epoch FROM now()) / 86400) - 400, floor(extract(epoch FROM now()) / 86400) + 34`,
  `DO $$
    DECLARE bounds point_bounds;
    BEGIN
      SELECT * INTO bounds FROM point_bounds;
      EXECUTE format('CREATE TABLE point_past PARTITION OF point FOR VALUES FROM (MINVALUE) TO (%L)',
        timestamptz 'epoch' + bounds.past * interval '24 hours');
      EXECUTE format('CREATE TABLE point_future PARTITION OF point FOR VALUES FROM (%L) TO (MAXVALUE)',
        timestamptz 'epoch' + bounds.future * interval '24 hours');
    END $$`,
];
