import { PisyncError } from '@pisync/protocol';
import type { MigrationStepView } from '../../../ports/store-admin.ts';
import type { Migration, Work } from './migration.ts';

/** One version up or down. */
export interface MigrationStep extends MigrationStepView {
  readonly work: Work;
}

/**
 * The next step from one version towards another; undefined where they are equal.
 *
 * @throws {PisyncError} `store_newer`
 */
export function nextStep(
  migrations: readonly Migration[],
  version: number,
  goal: number,
): MigrationStep | undefined {
  refuseNewer(migrations, version);
  if (version === goal) return undefined;
  const up = goal > version;
  const migration = migrations[up ? version : version - 1];
  if (migration === undefined) throw new RangeError(`there is no version ${goal}`);
  return {
    from: version,
    to: up ? migration.version : migration.version - 1,
    name: migration.name,
    note: migration.note,
    concurrently: migration.concurrently === true,
    dropsData: !up && migration.dropsData === true,
    work: up ? migration.up : migration.down,
  };
}

/** All steps from a version up to the newest. @throws {PisyncError} `store_newer` */
export function pendingSteps(migrations: readonly Migration[], version: number): readonly MigrationStep[] {
  const steps: MigrationStep[] = [];
  for (let at = version; ; at += 1) {
    const step = nextStep(migrations, at, migrations.length);
    if (step === undefined) return steps;
    steps.push(step);
  }
}

/** @throws {PisyncError} `store_newer` for a version that is not among the migrations */
export function refuseNewer(migrations: readonly Migration[], version: number): void {
  if (version <= migrations.length) return;
  throw new PisyncError('store_newer', {
    detail: `the store has schema ${version}, this PiSync writes ${migrations.length}; start the newer PiSync again`,
  });
}

/** What a step is, for people and programs. */
export function viewOf({ work: _work, ...view }: MigrationStep): MigrationStepView {
  return view;
}
