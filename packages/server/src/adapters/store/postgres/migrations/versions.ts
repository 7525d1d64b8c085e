import type { Migration } from '../../migrations/migration.ts';
import { failureTables } from '../schema/failure-table.ts';
import { buildIndex, type ConcurrentIndex, dropIndex } from './concurrent-index.ts';
import { dropTables, makeTables } from './first-tables.ts';

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
    up: makeTables,
    down: dropTables,
    dropsData: true,
  },
  {
    version: 2,
    name: 'failure-counts',
    note: 'commits keep up how many devices have how many failures; makes an empty table, which the next start fills by a pass over the devices',
    up: failureTables,
    down: ['DROP TABLE IF EXISTS failure_count'],
  },
  {
    version: 3,
    name: 'total-failures-index',
    note: 'lists of the devices with most failures read only these; builds an index of the devices that ever failed',
    up: (workplace) => buildIndex(workplace, totalFailures),
    down: (workplace) => dropIndex(workplace, totalFailures),
    concurrently: true,
  },
  {
    version: 4,
    name: 'failures-index',
    note: "a device's failures are found without its successes; builds an index of the failed events of each partition",
    up: (workplace) => buildIndex(workplace, failures),
    down: (workplace) => dropIndex(workplace, failures),
    concurrently: true,
  },
];
