import type { Machine } from './machine.ts';
import { pgbouncerGroups } from './pgbouncer.ts';
import { type Memory, planMachine } from './plan.ts';
import { postgresqlGroups } from './postgresql.ts';
import type { TunedFile } from './setting.ts';
import { roundSize } from './size-text.ts';
import { timescaledbGroups } from './timescaledb.ts';

/** The configuration of one machine. */
export interface Tuned {
  readonly files: readonly TunedFile[];
  readonly memory: Memory;
}

/**
 * Settings of PostgreSQL 15 to 18, TimescaleDB and PgBouncer for a machine that they have to themselves. The same machine
 * gives the same result, byte for byte.
 *
 * @param command - the command line that made the files, for their first line
 * @throws {PisyncError} `invalid_config` if `machine.connections` do not fit into its memory
 */
export function tune(machine: Machine, command: string): Tuned {
  const plan = planMachine(machine);
  const { worst, ram } = plan.memory;
  const parts = Object.entries(worst).map(([part, kb]) => `${part} ${roundSize(kb)}`);
  const sum = Object.values(worst).reduce((total, kb) => total + kb, 0);
  const made = `Made by: ${command}`;
  return {
    memory: plan.memory,
    files: [
      {
        name: 'postgresql.conf',
        heading: [
          made,
          'For PostgreSQL 15 to 18 on a machine of its own. Put it into conf.d, or at the end of postgresql.conf, and restart.',
          `Memory at the worst, all at once: ${parts.join(', ')}; together ${roundSize(sum)} of ${roundSize(ram)}.`,
        ],
        groups: postgresqlGroups(plan),
      },
      {
        name: 'timescaledb.conf',
        heading: [
          made,
          'To be read after postgresql.conf, where TimescaleDB is installed: of two lines with one name the last one holds.',
          'Chunks of one day, columnstore after 7 days and retention are policies inside the database, not settings: PiSync ' +
            'makes them, `pisync store policies` shows and changes them. The newest chunks of all hypertables with their ' +
            `indexes should fit into shared_buffers, ${roundSize(plan.memory.sharedBuffers)} here; make chunks shorter if they do not.`,
        ],
        groups: timescaledbGroups(plan),
      },
      {
        name: 'pgbouncer.ini',
        heading: [made, 'For PgBouncer 1.18 and later, on the machine of PostgreSQL or of PiSync.'],
        groups: pgbouncerGroups(plan),
      },
    ],
  };
}
