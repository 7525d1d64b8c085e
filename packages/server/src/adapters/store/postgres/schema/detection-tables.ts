/**
 * Tables of detections and networks. Texts may hold what `storableText` writes for U+0000.
 *
 * - `detection`: partitioned by month of `timestamp`; `ordinal` counts over all partitions. `type` is the place in
 *   `detectionTypes`, `clock_quality` as in `sync_event`. `tile` is the tile of zoom 24 that the position lies in, in Z-order
 *   (tile-code.ts): an index on it serves boxes, and a shift gives the tile of any zoom.
 * - `network`: one radio identity of one type, folded from its detections in the transaction that adds them; the columns are
 *   those of `NetworkRow` in core. `lat`, `lon` and `tile` are the estimated position that the sums `weight`, `x`, `y`, `z` give.
 * - `network_variant`: each name and security that a network was seen as; `looks` is 128 bits of the SHA-256 of both.
 */
export const detectionTables: readonly string[] = [
  `CREATE TABLE detection (
    ordinal bigint NOT NULL,
    timestamp timestamptz NOT NULL,
    tile bigint,
    lat double precision,
    lon double precision,
    signal_dbm double precision,
    type smallint NOT NULL,
    clock_quality smallint NOT NULL,
    received_at timestamptz NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    identity text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    security text COLLATE "C",
    channel bigint,
    frequency_mhz double precision,
    altitude double precision,
    accuracy double precision,
    heading double precision,
    speed double precision,
    epoch text,
    seq bigint,
    event_id text,
    device_time timestamptz,
    sent_at timestamptz,
    capabilities text,
    metadata text
  ) PARTITION BY RANGE (timestamp)`,
  'CREATE INDEX detection_newest ON detection (timestamp DESC, ordinal DESC)',
  'CREATE INDEX detection_device ON detection (device_id, timestamp DESC, ordinal DESC)',
  'CREATE INDEX detection_identity ON detection (identity, timestamp DESC, ordinal DESC)',
  'CREATE INDEX detection_tile ON detection (tile) WHERE tile IS NOT NULL',
  `CREATE TABLE network (
    type smallint NOT NULL,
    identity text COLLATE "C" NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    last_ordinal bigint NOT NULL,
    detections bigint NOT NULL,
    name text COLLATE "C",
    security text COLLATE "C",
    channel bigint,
    frequency_mhz double precision,
    signal_dbm double precision,
    signal_at timestamptz NOT NULL,
    signal_ordinal bigint NOT NULL,
    signal_lat double precision,
    signal_lon double precision,
    located bigint NOT NULL,
    weight double precision NOT NULL,
    x double precision NOT NULL,
    y double precision NOT NULL,
    z double precision NOT NULL,
    lat double precision,
    lon double precision,
    tile bigint,
    PRIMARY KEY (type, identity)
  ) WITH (fillfactor = 70)`,
  'CREATE INDEX network_newest ON network (last_seen_at DESC, type, identity)',
  'CREATE INDEX network_tile ON network (tile) WHERE tile IS NOT NULL',
  'CREATE INDEX network_name ON network (name) WHERE type = 0 AND name IS NOT NULL',
  `CREATE TABLE network_variant (
    type smallint NOT NULL,
    identity text COLLATE "C" NOT NULL,
    looks uuid NOT NULL,
    name text COLLATE "C",
    security text COLLATE "C",
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    detections bigint NOT NULL,
    PRIMARY KEY (type, identity, looks)
  ) WITH (fillfactor = 80)`,
  'CREATE INDEX network_variant_new ON network_variant (first_seen_at)',
];
