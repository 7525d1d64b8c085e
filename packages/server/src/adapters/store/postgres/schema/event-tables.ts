/**
 * Tables of sync events and of what is derived from them. Times are `timestamptz` of whole milliseconds.
 *
 * - `store`: one row. Every commit locks it first, so that commits are one after the other, whatever process they come from:
 *   positions have no gaps, and a position that can be read has all smaller ones before it.
 *   `partial` is the rule that the derived state was made by, see core/fold.ts.
 *   `last_writer` is the process that committed last, null after anything else changed the derived state.
 * - `writer`: the number of each process' last commit, by which it finds out what became of one whose answer was lost.
 * - `identity`: what was ever stored under an identity, for ever: 128 bits of the SHA-256 of the identity, and of the body;
 *   without a body for telemetry. A plain table, beside the partitions: rows may be dropped there and still be known here.
 * - `device`: the derived state, `state` being the numbers of core/sync-state.ts as commit/device-state.ts packs them; what
 *   lists sort and filter by stands beside it. `epochs` are lines in the order in which they first appeared.
 * - `sync_event`: partitioned by month of `timestamp`. `tie` as in core/history.ts. Positions grow with the rows of each
 *   partition, so that a BRIN index finds a stretch of them at no cost for commits.
 * - `sync_hour`: totals by hour of corrected time.
 */
export const eventTables: readonly string[] = [
  `CREATE TABLE store (
    id smallint PRIMARY KEY CHECK (id = 1),
    position bigint NOT NULL,
    detection_ordinal bigint NOT NULL,
    series bigint NOT NULL,
    partial text,
    last_writer uuid,
    created_at timestamptz NOT NULL DEFAULT now()
  ) WITH (fillfactor = 10)`,
  'INSERT INTO store (id, position, detection_ordinal, series) VALUES (1, 0, 0, 0)',
  `CREATE TABLE writer (
    id uuid PRIMARY KEY,
    commit bigint NOT NULL,
    at timestamptz NOT NULL
  ) WITH (fillfactor = 10)`,
  `CREATE TABLE identity (
    key uuid PRIMARY KEY,
    body uuid
  )`,
  `CREATE TABLE device (
    device_id text COLLATE "C" PRIMARY KEY,
    consecutive_failures bigint NOT NULL,
    failed bigint NOT NULL,
    partial bigint NOT NULL,
    syncs bigint NOT NULL,
    last_seen_at timestamptz NOT NULL,
    epochs text NOT NULL,
    state bytea NOT NULL
  ) WITH (fillfactor = 80)`,
  'CREATE INDEX device_consecutive_failures ON device (consecutive_failures DESC, device_id) WHERE consecutive_failures > 0',
  `CREATE TABLE sync_event (
    position bigint NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    timestamp timestamptz NOT NULL,
    epoch_index integer NOT NULL,
    tie bigint NOT NULL,
    epoch text,
    seq bigint,
    event_id text,
    device_time timestamptz,
    sent_at timestamptz,
    received_at timestamptz NOT NULL,
    clock_quality smallint NOT NULL,
    total_files_synced bigint NOT NULL,
    total_errors bigint NOT NULL,
    internet_speed double precision,
    sync_duration_ms bigint,
    bytes_synced bigint,
    metadata text
  ) PARTITION BY RANGE (timestamp)`,
  'CREATE INDEX sync_event_history ON sync_event (device_id, timestamp)',
  'CREATE INDEX sync_event_position ON sync_event USING brin (position) WITH (pages_per_range = 32, autosummarize = on)',
  `CREATE TABLE sync_hour (
    hour timestamptz PRIMARY KEY,
    syncs bigint NOT NULL,
    partial bigint NOT NULL,
    failed bigint NOT NULL,
    files bigint NOT NULL,
    errors bigint NOT NULL,
    bytes bigint NOT NULL
  ) WITH (fillfactor = 50)`,
  `CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key uuid NOT NULL UNIQUE,
    received_at timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    count bigint NOT NULL,
    device_id text COLLATE "C",
    code text NOT NULL,
    field text,
    detail text NOT NULL,
    source text NOT NULL,
    raw text NOT NULL,
    truncated boolean NOT NULL
  )`,
  'CREATE INDEX quarantine_device ON quarantine (device_id, id)',
];
