import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type { Session } from '../connection/session.ts';
import { DETECTION_COLUMNS, readDetection } from '../detections/detection-list.ts';
import { readRows } from '../wire/read-rows.ts';

/** Ordinals that are read in one go: there is no index on them, so that each time all tables are looked through. */
const ORDINALS_AT_ONCE = 131_072;
const AT_ONCE = 16_384;

/** The detections of a store after an ordinal and up to another, in the order of their ordinals. */
export async function* copiedDetections(
  session: Session,
  after: number,
  upTo: number,
): AsyncGenerator<readonly StoredDetection[]> {
  for (let from = after; from < upTo; from += ORDINALS_AT_ONCE) {
    const to = Math.min(from + ORDINALS_AT_ONCE, upTo);
    const found: StoredDetection[] = [];
    const query = `SELECT ${DETECTION_COLUMNS} FROM detection WHERE ordinal > ${from} AND ordinal <= ${to}`;
    await readRows(session, query, (row) => {
      found.push(readDetection(row));
    });
    found.sort((a, b) => a.ordinal - b.ordinal);
    for (let at = 0; at < found.length; at += AT_ONCE) yield found.slice(at, at + AT_ONCE);
  }
}
