import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Kills that came while a run of a kind was being made, by sealing or by merging. */
export interface UnfinishedCounts {
  events: number;
  points: number;
  detections: number;
  /** Of them all, those where so many runs lay side by side that they were being merged. */
  merges: number;
}

/** Runs of one level that are merged. */
const FAN_IN = 8;
const tables = { events: 'run', points: 'point_run', detections: 'detection_run' } as const;

/** Looks into a store whose server was killed. Reads only, so that the next start finds it as the kill left it. */
export function noteUnfinished(path: string, counts: UnfinishedCounts): void {
  if (!existsSync(path)) return;
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    for (const kind of ['events', 'points', 'detections'] as const) {
      const table = tables[kind];
      // A run says how much it holds when it is finished.
      const unfinished = db.prepare(`SELECT id FROM ${table} WHERE live = 0 AND ${kind} = 0`).get();
      if (unfinished === undefined) continue;
      counts[kind]++;
      const most = db
        .prepare(
          `SELECT count(*) AS runs FROM ${table} WHERE live = 1 GROUP BY level ORDER BY runs DESC LIMIT 1`,
        )
        .get();
      if (Number(most?.['runs'] ?? 0) >= FAN_IN) counts.merges++;
    }
  } catch {
    // Killed before it had made its tables.
  } finally {
    db.close();
  }
}
