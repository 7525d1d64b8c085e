import type { Migration } from '../../migrations/migration.ts';
import { detectionTables } from '../schema/detection-tables.ts';
import { eventTables } from '../schema/event-tables.ts';
import { policyTables } from '../schema/policy-table.ts';
import { telemetryTables } from '../schema/telemetry-tables.ts';
import { buildIndex, type ConcurrentIndex, dropIndex } from './concurrent-index.ts';

const CREATES =
  /^\s*CREATE (?:UNLOGGED )?(TABLE|SEQUENCE|MATERIALIZED VIEW|VIEW|FUNCTION|TYPE) (?:IF NOT EXISTS )?(\w+)/;

const first: readonly string[] = [...eventTables, ...telemetryTables, ...detectionTables, ...policyTables];

/** Worst devices first, without a look at those that never failed. */
export const totalFailures: ConcurrentIndex = {
  table: 'device',
  name: 'device_total_failures',
  on: '((failed + partial) DESC, device_id) WHERE failed + partial > 0',
};

/** A device's failures in the order of its history, and those that are counted again after a late success. */
export const failures: ConcurrentIndex = {
  table: 'sync_event',
  name: 'sync_event_failures',
  on: '(device_id, timestamp, epoch_index, tie) WHERE total_errors > 0',
};

/** All versions of the schema, the oldest first. A new one needs a case in the tests of migrations. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'first-tables',
    note: 'makes all tables',
    up: first,
    down: dropsOf(first),
    dropsData: true,
  },
  {
    version: 2,
    name: 'total-failures-index',
    note: 'lists of the devices with most failures read only these; builds an index of the devices that ever failed',
    up: (workplace) => buildIndex(workplace, totalFailures),
    down: (workplace) => dropIndex(workplace, totalFailures),
    concurrently: true,
  },
  {
    version: 3,
    name: 'failures-index',
    note: "a device's failures are found without its successes; builds an index of the failed events of each partition",
    up: (workplace) => buildIndex(workplace, failures),
    down: (workplace) => dropIndex(workplace, failures),
    concurrently: true,
  },
];

/** Statements that remove what others made, the newest first. Indexes go with their tables. */
function dropsOf(statements: readonly string[]): readonly string[] {
  const drops: string[] = [];
  for (const statement of statements) {
    const [, kind, name] = CREATES.exec(statement) ?? [];
    if (kind !== undefined) drops.unshift(`DROP ${kind} IF EXISTS ${name} CASCADE`);
  }
  return drops;
}
