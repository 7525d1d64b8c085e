import type { Session } from '../../connection/session.ts';

/**
 * Points that replace packed ones unpack what they fall into, and TimescaleDB refuses to do that for more than 100,000 in a
 * statement (SQLSTATE 53400). Devices decide what comes, so that there is no limit that a commit could keep to.
 */
const NO_LIMIT = 'SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0';

/**
 * Notes that points of these days change. To be called in a commit, before they are written; TimescaleDB makes what chunks they
 * need. Times of points are corrected before they get here, except what an operator imports: a chunk for each day of that is what
 * policies want.
 */
export async function noteDays(session: Session, days: ReadonlySet<number>): Promise<void> {
  const rows = [...days].map((day) => `(${day}, 1, true)`).join();
  await session.inTurn(() =>
    session.client.query(`${NO_LIMIT}; INSERT INTO point_day (day, commits, open) VALUES ${rows}
      ON CONFLICT (day) DO UPDATE SET commits = point_day.commits + 1`),
  );
}

/** Forgets what is known of days whose points were all dropped. To be called while the store is locked. */
export async function forgetDroppedDays(session: Session, before: number): Promise<void> {
  await session.query(
    `DELETE FROM point_day WHERE day < $1::int AND NOT EXISTS (SELECT FROM point
       WHERE time >= timestamptz 'epoch' + day * interval '24 hours' AND time < timestamptz 'epoch' + (day + 1) * interval '24 hours')`,
    [before],
  );
  await session.query(
    'DELETE FROM point_summed WHERE NOT EXISTS (SELECT FROM point_day d WHERE d.day = point_summed.day)',
  );
}
