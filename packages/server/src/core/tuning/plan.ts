import { PisyncError } from '@pisync/protocol';
import { type Machine, machineLimits } from './machine.ts';
import { roundSize } from './size-text.ts';

/** How one machine's processors, connections and memory are divided; sizes in units of 1024 bytes. */
export interface Plan {
  readonly machine: Machine;
  /** Processes that work beside the connections. */
  readonly workers: Workers;
  readonly connections: Connections;
  readonly memory: Memory;
}

export interface Workers {
  /** Helpers of queries, all together. */
  readonly parallel: number;
  /** Helpers of one query, or of one index build. */
  readonly perQuery: number;
  /** Policies of TimescaleDB that run at once, and its scheduler. */
  readonly timescale: number;
  readonly autovacuum: number;
}

export interface Connections {
  /** `max_connections`. */
  readonly all: number;
  /** Those that PgBouncer opens, and those that it adds when clients wait. */
  readonly pool: number;
  readonly reserve: number;
  /** Those left for whoever does not come through PgBouncer. */
  readonly direct: number;
  /** Clients that PgBouncer accepts. */
  readonly clients: number;
}

export interface Memory {
  readonly ram: number;
  readonly sharedBuffers: number;
  readonly walBuffers: number;
  /** For one index build or one VACUUM by hand. */
  readonly maintenance: number;
  /** For one worker of autovacuum. */
  readonly autovacuum: number;
  /** For one sort of one process; a hash takes {@link hashMultiplier} times as much. */
  readonly work: number;
  /** What each part takes at the worst; the sum is less than `ram`. */
  readonly worst: Readonly<Record<MemoryPart, number>>;
}

export type MemoryPart =
  | 'shared_buffers'
  | 'wal_buffers'
  | 'work_mem'
  | 'maintenance_work_mem'
  | 'autovacuum_work_mem'
  | 'connections'
  | 'system';

/** `hash_mem_multiplier`, the default of PostgreSQL since version 15. */
export const hashMultiplier = 2;

/** The most that one sort gets: the figure of the requirement document. */
export const workMemCap = 256 * 1_024;

/** What a connection takes besides its sorts: its catalog caches, larger where tables have many partitions. */
const connectionKb = 10 * 1_024;
/** Connections may take this share of memory for themselves. */
const connectionShare = 1 / 4;
/** Left for the operating system, the lock table and all that is small. */
const systemShare = 1 / 10;
/** Index builds that may run at once: an operator's, and one of a policy. */
const maintenanceTasks = 2;

/**
 * Divides a machine. More memory never makes a size smaller, more cores never make a pool or a number of workers
 * smaller, and {@link Memory.worst} adds up to less than the machine has.
 *
 * Sources: PostgreSQL manual, "Resource Consumption"; PostgreSQL wiki, "Number Of Database Connections"; pgtune
 * (le0pard/pgtune); timescaledb-tune. Each rule names its own.
 *
 * @throws {PisyncError} `invalid_config` if the connections that were asked for do not fit into the memory
 */
export function planMachine(machine: Machine): Plan {
  const workers = divideCores(machine.cores);
  const { fit, asked } = connectionLoad(machine);
  if (machine.connections !== undefined && machine.connections > fit) {
    const most = Math.floor(fit);
    throw new PisyncError('invalid_config', {
      field: '--connections',
      detail:
        `--connections ${machine.connections} does not fit into ${roundSize(machine.ramMb * 1_024)}: at most ` +
        `${most}. Leave --connections out and let PgBouncer share few connections among many clients.`,
    });
  }
  const connections = divideConnections(Math.floor(asked), machine.cores);
  return { machine, workers, connections, memory: divideMemory(machine, workers, asked) };
}

/**
 * Shares of the requirement document (20 cores: 16 helpers, 8 for one query) as fractions of the cores, so that a fifth
 * of them stays for commits. TimescaleDB: the documented default of `timescaledb.max_background_workers`, half of it
 * on small machines. Autovacuum: at least PostgreSQL's 3, since there are many partitions.
 */
function divideCores(cores: number): Workers {
  const perQuery = Math.floor(cores * 0.4);
  return {
    parallel: cores === 1 ? 0 : Math.max(1, Math.floor(cores * 0.8)),
    perQuery: cores === 1 ? 0 : Math.max(1, perQuery),
    timescale: cores < 8 ? 8 : 16,
    autovacuum: Math.min(8, Math.max(3, Math.floor(cores / 4))),
  };
}

/**
 * Connections that can be of use: about 2.5 for a core do work or wait for the disk (the document's 50 for 20 cores;
 * the wiki's rule is cores × 2 + disks), a half more in reserve, and one for a core that comes past PgBouncer.
 *
 * `fit` is what memory bears. Neither is rounded: the division of memory must not jump where a connection is added.
 */
function connectionLoad({ ramMb, cores, connections }: Machine): { fit: number; asked: number } {
  const fit = (ramMb * 1_024 * connectionShare) / connectionKb;
  const useful = usefulPool(cores) + Math.ceil(cores / 2) + Math.max(5, cores);
  return { fit, asked: connections ?? Math.min(Math.max(20, useful), fit, machineLimits.connections.high) };
}

/** At least 10, so that a few reports never hold back commits. */
function usefulPool(cores: number): number {
  return Math.max(10, Math.ceil(cores * 2.5));
}

function divideConnections(all: number, cores: number): Connections {
  const direct = Math.min(Math.max(5, cores), Math.floor(all / 4));
  const reserve = Math.min(Math.ceil(cores / 2), Math.floor((all - direct) / 6));
  const pool = Math.min(usefulPool(cores), all - direct - reserve);
  return { all, direct, reserve, pool, clients: Math.min(10_000, Math.max(200, 50 * cores)) };
}

/**
 * - `shared_buffers`: a quarter of memory (manual: a reasonable start for a machine of its own; the same in pgtune).
 * - `wal_buffers`: what PostgreSQL would choose (3 % of the shared buffers, at most 16 MB), but a 256th of the shared
 *   buffers, up to 64 MB, where that is more: the document's figure at 64 GB.
 * - `maintenance_work_mem`: a sixteenth, at most 2 GB (pgtune, timescaledb-tune).
 * - `autovacuum_work_mem`: a 128th, at most 1 GB, more than which VACUUM could not use before PostgreSQL 17.
 * - `work_mem`: what is left, divided among all processes that may sort or hash at once. pgtune divides by three times
 *   the connections and workers instead; the results are alike.
 */
function divideMemory(machine: Machine, workers: Workers, connections: number): Memory {
  const ram = machine.ramMb * 1_024;
  const shares = {
    sharedBuffers: ram / 4,
    walBuffers: Math.min(65_536, Math.max(ram / 1_024, Math.min(16_384, ram * 0.0075))),
    maintenance: Math.min(2_097_152, ram / 16),
    autovacuum: Math.min(1_048_576, ram / 128),
  };
  // Out of shares before they are rounded: else one more megabyte of RAM could round several of them up at once, and
  // leave less.
  const left = ram - sumOf(worstOf(shares, workers, connections, ram));
  const processes = connections + workers.parallel + workers.timescale;
  const work = Math.min(workMemCap, roundDown(left / processes / hashMultiplier));
  const sizes = {
    sharedBuffers: wholeMb(shares.sharedBuffers),
    walBuffers: wholeMb(shares.walBuffers),
    maintenance: wholeMb(shares.maintenance),
    autovacuum: wholeMb(shares.autovacuum),
  };
  const worst = worstOf(sizes, workers, Math.floor(connections), ram);
  const sorts = work * hashMultiplier * (Math.floor(connections) + workers.parallel + workers.timescale);
  return { ram, ...sizes, work, worst: { ...worst, work_mem: sorts } };
}

/** What all but sorts takes at once. */
function worstOf(
  sizes: Pick<Memory, 'sharedBuffers' | 'walBuffers' | 'maintenance' | 'autovacuum'>,
  workers: Workers,
  connections: number,
  ram: number,
): Omit<Record<MemoryPart, number>, 'work_mem'> {
  return {
    shared_buffers: sizes.sharedBuffers,
    wal_buffers: sizes.walBuffers,
    maintenance_work_mem: maintenanceTasks * sizes.maintenance,
    autovacuum_work_mem: workers.autovacuum * sizes.autovacuum,
    connections: connections * connectionKb,
    system: Math.ceil(ram * systemShare),
  };
}

function sumOf(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, kb) => sum + kb, 0);
}

function wholeMb(kb: number): number {
  return Math.floor(kb / 1_024) * 1_024;
}

/** Whole megabytes, or multiples of the least that PostgreSQL accepts where that would lose too much. */
function roundDown(kb: number): number {
  const step = kb >= 4_096 ? 1_024 : 64;
  return Math.max(64, Math.floor(kb / step) * step);
}
