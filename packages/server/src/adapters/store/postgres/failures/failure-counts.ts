import type { PartialRule } from '../../../../core/fold.ts';
import type { Session } from '../connection/session.ts';
import { MOST_COUNTED } from './failure-changes.ts';

/**
 * How many devices have more failures than a number, from the counts that commits keep up: exact, and of the state of this
 * transaction. Undefined where they do not tell: for numbers beyond those that are counted, after commits that did not count,
 * and for another rule than the store's.
 */
export async function countedFailures(
  session: Session,
  measure: 'total_failures' | 'consecutive_failures',
  moreThan: number,
  partial: PartialRule,
): Promise<number | undefined> {
  if (!Number.isInteger(moreThan) || moreThan < 0 || moreThan >= MOST_COUNTED) return undefined;
  const column = measure === 'total_failures' ? 'total' : 'streak';
  const [counted] = await session.query<{ devices: number }>(
    `SELECT (SELECT sum(devices) FROM unnest(${column}[${moreThan + 1}:]) AS devices) AS devices
     FROM failure_count JOIN store ON store.id = failure_count.id AND store.position = failure_count.position
     WHERE failure_count.id = 1 AND store.partial = $1`,
    [partial],
  );
  return counted?.devices;
}

/**
 * Counts all devices again, where commits have not counted, or in any case. To be called while the store is locked, after its
 * rule is written. A pass over all devices.
 */
export async function countFailures(session: Session, always: boolean): Promise<void> {
  await session.query(
    `UPDATE failure_count SET position = store.position, total = ${countsOf(TOTAL)}, streak = ${countsOf('consecutive_failures')}
     FROM store WHERE store.id = failure_count.id AND ($1::boolean OR store.position <> failure_count.position)`,
    [always],
  );
}

/** By the rule of the store. */
const TOTAL = "failed + CASE store.partial WHEN 'failure' THEN device.partial ELSE 0 END";

/** An array of how many devices have each number of failures. */
function countsOf(failures: string): string {
  return `(SELECT array_agg(coalesce(counted.devices, 0) ORDER BY failures) FROM generate_series(1, ${MOST_COUNTED}) AS failures
    LEFT JOIN (SELECT LEAST(${failures}, ${MOST_COUNTED}) AS failures, count(*)::int AS devices FROM device GROUP BY 1)
      AS counted USING (failures))`;
}

/** What is wrong with the counts, for people; undefined where they are right, or not used. */
export async function failureCountFault(session: Session): Promise<string | undefined> {
  const rows = await session.query(
    `SELECT FROM failure_count JOIN store ON store.id = failure_count.id AND store.position = failure_count.position
     WHERE total <> ${countsOf(TOTAL)} OR streak <> ${countsOf('consecutive_failures')}`,
  );
  return rows.length === 0 ? undefined : 'the numbers of devices by failures do not follow from the devices';
}
