import { PisyncError } from '@pisync/protocol';
import type { MigrationReport, MigrationRequest } from '../../../ports/store-admin.ts';
import type { Migration } from './migration.ts';
import { type MigrationStep, nextStep, refuseNewer, viewOf } from './next-step.ts';

/** Called before a statement that changes something. */
export type OnStatement = (statement: string) => void;

/** A store whose tables are migrated. */
export interface MigrationTarget {
  /**
   * Its version; 0 where there is nothing yet.
   *
   * @param down - of a version whose way down was not finished: true counts it, false does not
   */
  version(down: boolean): Promise<number>;

  /**
   * Does one step and records the new version, in one transaction; one that builds concurrently records it at the end. It does nothing where the store is not of the version that the step begins with: then
   * somebody else was faster.
   */
  apply(step: MigrationStep, onStatement: OnStatement): Promise<void>;

  /** Tells what `apply` would run, and runs nothing. */
  rehearse(step: MigrationStep, onStatement: OnStatement): Promise<void>;
}

/**
 * Brings a store to a version, step by step.
 *
 * @throws {PisyncError} `store_newer`; `invalid_config` for a way that was not allowed: then nothing is changed
 */
export async function runMigrations(
  target: MigrationTarget,
  migrations: readonly Migration[],
  request: MigrationRequest,
): Promise<MigrationReport> {
  const from = await target.version(request.down);
  refuseNewer(migrations, from);
  const goal = goalOf(from, migrations.length, request);
  refuseLoss(migrations, from, goal, request);
  const steps: MigrationReport['steps'][number][] = [];
  let version = from;
  for (;;) {
    // Somebody else may have gone beyond: that is no reason to turn round.
    const arrived = goal > from ? version >= goal : version <= goal;
    const step = arrived ? undefined : nextStep(migrations, version, goal);
    if (step === undefined) return { from, to: version, newest: migrations.length, steps };
    const statements: string[] = [];
    const view = viewOf(step);
    const onStatement = (statement: string): void => {
      statements.push(statement);
      request.onStatement?.(view, statement);
    };
    if (request.dryRun) {
      await target.rehearse(step, onStatement);
      version = step.to;
    } else {
      await target.apply(step, onStatement);
      version = await target.version(request.down);
    }
    steps.push({ ...view, statements });
  }
}

function goalOf(version: number, newest: number, { to, down }: MigrationRequest): number {
  const goal = to ?? (down ? version - 1 : newest);
  if (goal > newest) throw invalid('to', `This PiSync knows versions up to ${newest}.`);
  if (down && goal > version) {
    throw invalid('to', `The store has version ${version}: the way to ${goal} leads up, leave out --down.`);
  }
  if (goal < 0) throw invalid('down', 'There is no store yet, and so no way down.');
  if (!down && goal < version) {
    throw invalid('to', `The store has version ${version}: the way to ${goal} leads down, add --down.`);
  }
  return goal;
}

function refuseLoss(
  migrations: readonly Migration[],
  version: number,
  goal: number,
  { dropData, dryRun }: MigrationRequest,
): void {
  if (dropData || dryRun) return;
  for (let at = version; at > goal; at -= 1) {
    const step = nextStep(migrations, at, goal);
    if (step?.dropsData !== true) continue;
    throw invalid(
      'down',
      `The way down from version ${at} (${step.name}) removes what devices sent. Make a backup, then add --drop-data.`,
    );
  }
}

function invalid(field: string, detail: string): PisyncError {
  return new PisyncError('invalid_config', { field, detail });
}
