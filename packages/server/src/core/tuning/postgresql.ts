import type { DiskKind } from './machine.ts';
import { hashMultiplier, type Plan, workMemCap } from './plan.ts';
import { type SettingGroup, setting } from './setting.ts';
import { roundSize, sizeText } from './size-text.ts';

/**
 * What depends on the disk alone. `random_page_cost` and `effective_io_concurrency` as in pgtune (which the document
 * follows for SSD); autovacuum's cost limit is PostgreSQL's own for turning disks, ten times that for flash.
 */
const diskFigures: Readonly<Record<DiskKind, { pageCost: number; ahead: number; vacuumCost: number }>> = {
  hdd: { pageCost: 4, ahead: 2, vacuumCost: 200 },
  ssd: { pageCost: 1.1, ahead: 200, vacuumCost: 2_000 },
  nvme: { pageCost: 1.1, ahead: 1_000, vacuumCost: 2_000 },
};

/**
 * The groups of `postgresql.conf`, valid for PostgreSQL 15 to 18. Sources: PostgreSQL manual, chapters "Resource
 * Consumption", "Write Ahead Log", "Query Planning", "Automatic Vacuuming", "Client Connection Defaults", "Reliability";
 * pgtune and timescaledb-tune where a setting says so.
 */
export function postgresqlGroups(plan: Plan): readonly SettingGroup[] {
  return [
    connectionGroup(plan),
    memoryGroup(plan),
    durabilityGroup(),
    walGroup(plan),
    parallelGroup(plan),
    plannerGroup(plan),
    partitionGroup(plan),
    vacuumGroup(plan),
    watchGroup(),
  ];
}

function connectionGroup({ connections }: Plan): SettingGroup {
  const { all, pool, reserve, direct } = connections;
  return {
    title: 'Connections',
    settings: [
      setting(
        'max_connections',
        all,
        `${pool} + ${reserve} for PgBouncer's pool and its reserve, ${all - pool - reserve} for whoever comes past it ` +
          `(migrations, backups, monitoring; at least ${direct}). More connections than the cores can serve ` +
          'make everything slower; clients wait in PgBouncer instead.',
      ),
      setting(
        'tcp_keepalives_idle',
        60,
        'Seconds. A client whose machine vanished holds its locks until the server finds out: two hours with the defaults ' +
          'of Linux, about a minute and a half with these three.',
      ),
      setting('tcp_keepalives_interval', 10, 'Seconds between the probes.'),
      setting('tcp_keepalives_count', 3, 'Probes without an answer that end a connection.'),
      setting(
        'idle_in_transaction_session_timeout',
        '5min',
        'An open transaction that nobody works on keeps VACUUM from removing anything in the whole server: this ends what ' +
          'somebody forgot.',
      ),
    ],
  };
}

function memoryGroup({ memory, workers, connections, machine }: Plan): SettingGroup {
  return {
    title: 'Memory',
    settings: [
      setting(
        'shared_buffers',
        sizeText(memory.sharedBuffers),
        "A quarter of memory, the manual's figure: the rest works as the operating system's cache of the same files.",
      ),
      setting(
        'huge_pages',
        'try',
        `Pages of 2 MB spare each process its own page table of the ${roundSize(memory.sharedBuffers)} above. Used where ` +
          'the kernel has them (vm.nr_hugepages; `postgres -C shared_memory_size_in_huge_pages` says how many).',
      ),
      setting(
        'effective_cache_size',
        sizeText(Math.floor((machine.ramMb * 3) / 4) * 1_024),
        'Three quarters of memory: how much of the data the planner may expect in a cache. It allocates nothing.',
      ),
      setting('work_mem', sizeText(memory.work), workReason({ memory, workers, connections, machine })),
      setting(
        'hash_mem_multiplier',
        hashMultiplier.toFixed(1),
        'A hash may take this many times work_mem. The default, written down because the sum above counts on it.',
      ),
      setting(
        'maintenance_work_mem',
        sizeText(memory.maintenance),
        'A sixteenth of memory, at most 2GB: for one index build, whatever its number of helpers, and one VACUUM by hand.',
      ),
      setting(
        'autovacuum_work_mem',
        sizeText(memory.autovacuum),
        `For each of ${workers.autovacuum} workers of autovacuum, which would otherwise take maintenance_work_mem each. ` +
          `Enough for ${Math.floor((memory.autovacuum * 1_024) / 6 / 1e6)} million dead rows in one pass; partitions that ` +
          'only grow have next to none.',
      ),
    ],
  };
}

/** Why not the document's figure, with the numbers of this machine. */
function workReason({ memory, workers, connections }: Plan): string {
  const { work } = memory;
  const processes = connections.all + workers.parallel + workers.timescale;
  const most = (kb: number): string => roundSize(kb * processes * hashMultiplier);
  const formula =
    `For one sort of one process, and twice that for a hash. ${connections.all} connections, ` +
    `${workers.parallel} parallel workers and ${workers.timescale} policies that hash at once take ${most(work)}, ` +
    'which is what the other settings leave.';
  if (work >= workMemCap) {
    return `${formula} No more than the requirement document's ${sizeText(workMemCap)}: beyond that a query wants an index.`;
  }
  return (
    `${formula} ${sizeText(workMemCap)}, the requirement document's figure for 64 GB, could take ${most(workMemCap)} here ` +
    `beside ${roundSize(memory.sharedBuffers)} of shared_buffers, in a machine of ${roundSize(memory.ram)}: the kernel would ` +
    'kill the server, and the manual warns of this sum. A report that needs more sets it for itself: SET LOCAL work_mem.'
  );
}

function durabilityGroup(): SettingGroup {
  return {
    title: 'Durability: never change these',
    settings: [
      setting(
        'synchronous_commit',
        'on',
        'PiSync acknowledges an observation when COMMIT returned, and its device then forgets it. With off or local, a ' +
          'crash or failover loses what was acknowledged. PiSync looks at it when it connects. It costs little: one flush ' +
          'serves all requests that came meanwhile.',
      ),
      setting(
        'fsync',
        'on',
        'Without it a power cut destroys the whole database, not the last second of it.',
      ),
      setting(
        'full_page_writes',
        'on',
        'Half-written pages after a power cut are mended from the WAL. Partitions that only grow write few of them.',
      ),
    ],
  };
}

function walGroup({ memory }: Plan): SettingGroup {
  const most = Math.min(64 * 1_048_576, Math.max(1_048_576, memory.sharedBuffers));
  return {
    title: 'Write-ahead log',
    settings: [
      setting('wal_level', 'replica', 'What standby servers, base backups and point-in-time recovery need.'),
      setting(
        'wal_buffers',
        sizeText(memory.walBuffers),
        'Room for the log of large commits that run at once. PostgreSQL by itself stops at 16MB; this goes on to 64MB, which ' +
          'the requirement document has for 16 GB of shared_buffers.',
      ),
      setting(
        'max_wal_size',
        sizeText(most),
        'As much as shared_buffers: more log between two checkpoints writes fewer full pages. The price is disk space and ' +
          'a longer start after a crash, some seconds for each gigabyte.',
      ),
      setting('min_wal_size', sizeText(most / 4), 'Log files that are used again instead of made anew.'),
      setting(
        'wal_compression',
        'on',
        'Full pages compress well and the disk is slower than a core. lz4 costs less where the server was built with it; ' +
          'on works everywhere.',
      ),
      setting(
        'checkpoint_timeout',
        '15min',
        'The default of 5 minutes writes every page that is in use again as a full page three times as often.',
      ),
      setting(
        'checkpoint_completion_target',
        0.9,
        'Spreads a checkpoint over the time until the next one, so that commits do not wait behind it.',
      ),
    ],
  };
}

function parallelGroup({ workers, machine }: Plan): SettingGroup {
  const single = machine.cores === 1;
  return {
    title: 'Parallel work',
    settings: [
      setting(
        'max_worker_processes',
        Math.max(8, workers.parallel + 3),
        'The parallel workers below, and three for replication and extensions; no less than the default of 8. On a standby ' +
          'it must not be less than on the primary.',
      ),
      setting(
        'max_parallel_workers',
        workers.parallel,
        single
          ? 'One core: a helper would only wait for it.'
          : `Four fifths of ${machine.cores} cores, as in the requirement document (16 of 20); commits keep the rest.`,
      ),
      setting(
        'max_parallel_workers_per_gather',
        workers.perQuery,
        single
          ? 'As above.'
          : 'Helpers of one query: two fifths of the cores, as in the requirement document (8 of 20). Each takes its own ' +
              'work_mem. pgtune stops at 4, beyond which it sees no clear gain.',
      ),
      setting(
        'max_parallel_maintenance_workers',
        workers.perQuery,
        'For an index build, which happens when nobody waits. They share one maintenance_work_mem.',
      ),
    ],
  };
}

function plannerGroup({ machine }: Plan): SettingGroup {
  const { pageCost, ahead } = diskFigures[machine.disk];
  const flash = machine.disk !== 'hdd';
  return {
    title: 'Disk and planner',
    settings: [
      setting(
        'random_page_cost',
        pageCost,
        flash
          ? 'On flash a page anywhere costs hardly more than the next one. With the default of 4 the planner reads whole ' +
              'partitions where an index is quicker.'
          : 'The default, for heads that have to move.',
      ),
      setting(
        'effective_io_concurrency',
        ahead,
        `Pages that one query asks for ahead, on ${machine.disk}. PostgreSQL 18 limits it further by itself.`,
      ),
      setting(
        'maintenance_io_concurrency',
        flash ? ahead : 10,
        flash
          ? 'The same for VACUUM and for recovery after a crash.'
          : 'The default before PostgreSQL 18, for VACUUM.',
      ),
      setting(
        'jit',
        'off',
        'A plan over many partitions looks expensive enough to be compiled, which then takes longer than the query. pgtune ' +
          'has it off for all but data warehouses.',
      ),
    ],
  };
}

function partitionGroup({ memory }: Plan): SettingGroup {
  const gb = memory.ram / 1_048_576;
  const locks = gb >= 32 ? 512 : gb >= 16 ? 256 : 128;
  return {
    title: 'Many partitions',
    settings: [
      setting(
        'max_locks_per_transaction',
        locks,
        'A query that is not bound in time locks every partition and each of its indexes. timescaledb-tune takes the same ' +
          'steps by memory; 128 is the least here.',
      ),
    ],
  };
}

function vacuumGroup({ workers, machine }: Plan): SettingGroup {
  return {
    title: 'Autovacuum: partitions that only grow, state tables that change',
    settings: [
      setting(
        'autovacuum_max_workers',
        workers.autovacuum,
        'One for four cores, from 3 to 8: there are many partitions, and each is one job.',
      ),
      setting(
        'autovacuum_naptime',
        '30s',
        'State tables (one row for each device) change with every event and are small: clean them early.',
      ),
      setting(
        'autovacuum_vacuum_scale_factor',
        0.05,
        'A state table is cleaned when a twentieth of its rows is dead, not a fifth.',
      ),
      setting(
        'autovacuum_vacuum_insert_scale_factor',
        0.05,
        'Rows that are only inserted must be vacuumed as well: it marks their pages as visible, which index-only scans ' +
          'need, and freezes them in small portions instead of all at once when transaction numbers run out.',
      ),
      setting(
        'autovacuum_analyze_scale_factor',
        0.02,
        'The newest partition grows from nothing each day; without fresh figures the planner takes it for empty.',
      ),
      setting(
        'autovacuum_vacuum_cost_limit',
        diskFigures[machine.disk].vacuumCost,
        machine.disk === 'hdd'
          ? 'The default, shared by all workers: heads that serve commits must not be kept busy.'
          : 'Ten times the default, shared by all workers. The default was made for turning disks and lets autovacuum fall ' +
              'behind inserts.',
      ),
    ],
  };
}

function watchGroup(): SettingGroup {
  return {
    title: 'What pisync doctor reads',
    settings: [
      setting(
        'shared_preload_libraries',
        `'pg_stat_statements'`,
        'Counts and times of statements: CREATE EXTENSION pg_stat_statements makes them readable. Part of contrib, which ' +
          'every distribution has. A second line of this name replaces the first; timescaledb.conf holds both.',
      ),
      setting(
        'track_io_timing',
        'on',
        'Tells waiting for the disk from working. `pg_test_timing` shows what it costs: next to nothing on current machines.',
      ),
      setting('log_lock_waits', 'on', 'Writes down who waited more than a second for whom.'),
      setting('log_autovacuum_min_duration', '1min', 'Writes down what autovacuum spends its time on.'),
      setting(
        'log_min_duration_statement',
        '2s',
        'Writes down statements that are slower than anything PiSync promises.',
      ),
    ],
  };
}
