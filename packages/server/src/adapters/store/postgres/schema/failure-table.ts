/**
 * `failure_count`: one row. How many devices have 1, 2, … failures, as arrays that count from 1; the last place counts all who
 * have so many or more. `total` by the rule of the store, `streak` those that are consecutive. They tell of the devices at
 * `position` of the store: where a commit did not change them, the store has gone on without them, and they are not used until
 * the next start counts again.
 */
export const failureTables: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS failure_count (
    id smallint PRIMARY KEY CHECK (id = 1),
    position bigint NOT NULL,
    total integer[] NOT NULL,
    streak integer[] NOT NULL
  ) WITH (fillfactor = 10)`,
  "INSERT INTO failure_count (id, position, total, streak) VALUES (1, -1, '{}', '{}') ON CONFLICT DO NOTHING",
];
