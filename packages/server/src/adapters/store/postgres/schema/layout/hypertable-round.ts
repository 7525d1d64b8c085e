import type { Database } from '../../connection/database.ts';
import type { Session } from '../../connection/session.ts';
import { forgetDroppedDays } from '../../telemetry/hypertables/note-days.ts';
import { sumUpDays } from '../../telemetry/hypertables/summed-days.ts';
import { daysOf, type PolicyValues, storedPolicies } from '../declared-policies.ts';
import type { PolicyReport } from '../policy-report.ts';
import { findJobs, planJobs, wantedJobs } from './jobs.ts';
import type { Hypertables } from './layout.ts';

const DAY_MS = 86_400_000;

type Failures = PolicyReport['failures'][number][];

/**
 * Does what is PiSync's part where TimescaleDB follows the policies: makes its jobs be as they are declared, brings the sums of
 * days that are over up to date, so that questions may use them, and forgets days that were dropped.
 *
 * @param lock - the advisory lock of the round; it is held while jobs change, not while sums are refreshed, which TimescaleDB
 *   itself keeps apart and which must not run in a transaction
 * @param now - epoch milliseconds
 */
export async function runHypertableRound(
  database: Database,
  layout: Hypertables,
  lock: string,
  now: number,
): Promise<PolicyReport> {
  const report = {
    made: [] as string[],
    dropped: [] as string[],
    sealed: [] as string[],
    failures: [] as Failures,
  };
  const today = Math.floor(now / DAY_MS);
  const ran = await database.write(async (session) => {
    const [row] = await session.query<{ held: boolean }>(`SELECT pg_try_advisory_xact_lock(${lock}) AS held`);
    if (row?.held !== true) return false;
    const values = await storedPolicies(session, 'hypertables');
    await changeJobs(session, layout, values, report);
    await forget(session, values, today, report.failures);
    return true;
  });
  if (!ran) return { ran, ...report };
  try {
    const days = await sumUpDays(database, layout, today);
    report.sealed.push(...days.map((text) => `sums of ${text}`));
  } catch (error) {
    report.failures.push({ policy: 'telemetry_sums', error: asError(error) });
  }
  return { ran, ...report };
}

async function changeJobs(
  session: Session,
  layout: Hypertables,
  values: PolicyValues,
  { made, dropped, failures }: { made: string[]; dropped: string[]; failures: Failures },
): Promise<void> {
  for (const { policy, told, removes, statement } of planJobs(
    wantedJobs(values),
    await findJobs(session),
    layout,
  )) {
    const failed = await alone(session, () => session.query(statement));
    if (failed !== null) failures.push({ policy, error: failed });
    else (removes ? dropped : made).push(`job: ${told}`);
  }
}

async function forget(
  session: Session,
  values: PolicyValues,
  today: number,
  failures: Failures,
): Promise<void> {
  const days = daysOf(values, 'telemetry_retention');
  if (days === null) return;
  const failed = await alone(session, async () => {
    await session.query('SELECT FROM store WHERE id = 1 FOR UPDATE');
    await forgetDroppedDays(session, today - days);
  });
  if (failed !== null) failures.push({ policy: 'telemetry_retention', error: failed });
}

/** Takes back what fails, and nothing else of the transaction. @returns why it failed */
async function alone(session: Session, work: () => Promise<unknown>): Promise<Error | null> {
  await session.query('SAVEPOINT duty');
  try {
    await work();
    await session.query('RELEASE SAVEPOINT duty');
    return null;
  } catch (error) {
    await session.query('ROLLBACK TO SAVEPOINT duty');
    return asError(error);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
