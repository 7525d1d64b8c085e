import type { Row, Task, Workplace } from '../../migrations/migration.ts';
import { ASK_EXTENSION, chooseLayout, type ExtensionFacts } from '../schema/layout/choose-layout.ts';
import { tablesOf } from '../schema/tables.ts';
import { kindOf } from './concurrent-index.ts';

type Tasks = Generator<Task, void, readonly Row[]>;

/**
 * Makes the first tables, in the layout that the database is made for: where the extension `timescaledb` was created in it, what
 * has a time is a hypertable, else it is partitioned.
 *
 * @throws {PisyncError} `invalid_config` where the extension cannot serve, see `chooseLayout`
 */
export function* makeTables(): Tasks {
  const [extension] = (yield { ask: ASK_EXTENSION }) as readonly (Row & ExtensionFacts)[];
  for (const run of tablesOf(chooseLayout(extension))) yield { run };
}

/** Drops all tables. */
export function* dropTables({ schema }: Workplace): Tasks {
  const isHypertable = (yield* kindOf(schema, 'point')) === 'hypertable';
  // Where the functions of the extension are plays no part in what is dropped.
  const layout = isHypertable
    ? ({ kind: 'hypertables', functions: '' } as const)
    : ({ kind: 'partitions' } as const);
  for (const run of dropsOf(tablesOf(layout))) yield { run };
}

const CREATES =
  /^\s*CREATE (?:UNLOGGED )?(TABLE|SEQUENCE|MATERIALIZED VIEW|VIEW|FUNCTION|TYPE) (?:IF NOT EXISTS )?(\w+)/;

/** Statements that remove what others made, the newest first. Indexes go with their tables. */
function dropsOf(statements: readonly string[]): readonly string[] {
  const drops: string[] = [];
  for (const statement of statements) {
    const [, kind, name] = CREATES.exec(statement) ?? [];
    if (kind !== undefined) drops.unshift(`DROP ${kind} IF EXISTS ${name} CASCADE`);
  }
  return drops;
}
