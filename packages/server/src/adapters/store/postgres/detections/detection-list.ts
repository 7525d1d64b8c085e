import { type DetectionType, detectionTypes } from '@pisync/protocol';
import { clockQualities } from '../../../../core/sync-state.ts';
import type {
  DetectionKey,
  DetectionPage,
  DetectionQuery,
  StoredDetection,
} from '../../../../ports/detection-store.ts';
import type { Session } from '../connection/session.ts';
import { bigintLiteral, millisecondsLiteral } from '../wire/literals.ts';
import { type RowReader, readRows } from '../wire/read-rows.ts';
import { askDetections, type Judge, type JudgedDetection, whereAll } from './conditions.ts';
import { firstAccepted, type JudgedList } from './first-accepted.ts';

/** In the order in which {@link readDetection} reads them. */
export const DETECTION_COLUMNS = `ordinal, timestamp, type, clock_quality, received_at, device_id, identity, name, security, channel,
  frequency_mhz, signal_dbm, epoch, seq, event_id, device_time, sent_at, capabilities, metadata, lat, lon, altitude, accuracy,
  heading, speed`;

/** One page of a list, newest first. */
export async function listDetections(session: Session, query: DetectionQuery): Promise<DetectionPage> {
  const { limit, filter, after } = query;
  const asked = askDetections(filter);
  const found =
    asked.judge === undefined
      ? await newest(session, asked.conditions, after, limit + 1)
      : await newestAccepted(session, asked.conditions, asked.judge, after, limit + 1);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const more = found.length > limit && last !== undefined;
  return { items, next: more ? { timestamp: last.timestamp, ordinal: last.ordinal } : null };
}

async function newest(
  session: Session,
  conditions: readonly string[],
  after: DetectionKey | undefined,
  limit: number,
): Promise<StoredDetection[]> {
  const detections: StoredDetection[] = [];
  await readRows(session, newestFirst(DETECTION_COLUMNS, conditions, after, limit), (row) => {
    detections.push(readDetection(row));
  });
  return detections;
}

function newestFirst(
  columns: string,
  conditions: readonly string[],
  after: DetectionKey | undefined,
  limit: number,
): string {
  return `${select(columns, conditions, after)} ORDER BY timestamp DESC, ordinal DESC LIMIT ${limit}`;
}

function select(columns: string, conditions: readonly string[], after: DetectionKey | undefined): string {
  const where = [...conditions];
  if (after !== undefined) {
    const time = millisecondsLiteral(after.timestamp);
    // The first part is implied by the second; it keeps newer partitions out of the plan.
    where.push(`timestamp <= ${time}`, `(timestamp, ordinal) < (${time}, ${bigintLiteral(after.ordinal)})`);
  }
  return `SELECT ${columns} FROM detection WHERE ${whereAll(where)}`;
}

/** What is needed to judge a row, and to find it again. */
interface Candidate extends JudgedDetection, DetectionKey {}

const CANDIDATE = 'timestamp, ordinal, name, lat, lon';

async function newestAccepted(
  session: Session,
  conditions: readonly string[],
  { likely, accepts }: Judge<JudgedDetection>,
  after: DetectionKey | undefined,
  limit: number,
): Promise<StoredDetection[]> {
  const list: JudgedList<Candidate> = {
    first: (last, look) => newestFirst(CANDIDATE, conditions, last ?? after, look),
    rest: (last) => select(CANDIDATE, [...conditions, ...likely], last),
    read: readCandidate,
    accepts,
    compare: (a, b) => b.timestamp - a.timestamp || b.ordinal - a.ordinal,
  };
  return wholeDetections(session, await firstAccepted(session, list, limit));
}

function readCandidate(row: RowReader): Candidate {
  return {
    timestamp: row.time() as number,
    ordinal: row.bigint() as number,
    name: row.text(),
    lat: row.double(),
    lon: row.double(),
  };
}

/** The detections of some keys, which are in the order of a list. */
async function wholeDetections(session: Session, keys: readonly DetectionKey[]): Promise<StoredDetection[]> {
  const [first, last] = [keys[0], keys.at(-1)];
  if (first === undefined || last === undefined) return [];
  const values = keys.map(
    ({ timestamp, ordinal }) => `(${millisecondsLiteral(timestamp)}, ${bigintLiteral(ordinal)})`,
  );
  // The bounds keep other partitions out of the plan.
  const query = `SELECT ${DETECTION_COLUMNS} FROM detection JOIN (VALUES ${values.join(', ')}) AS meant (at, number)
      ON timestamp = at AND ordinal = number
    WHERE timestamp >= ${millisecondsLiteral(last.timestamp)} AND timestamp <= ${millisecondsLiteral(first.timestamp)}
    ORDER BY timestamp DESC, ordinal DESC`;
  const detections: StoredDetection[] = [];
  await readRows(session, query, (row) => {
    detections.push(readDetection(row));
  });
  return detections;
}

export function readDetection(row: RowReader): StoredDetection {
  const [ordinal, timestamp] = [row.bigint() as number, row.time() as number];
  const type = detectionTypes[row.smallint() as number] as DetectionType;
  const clockQuality = clockQualities[row.smallint() as number] as StoredDetection['clockQuality'];
  const receivedAt = row.time() as number;
  const [deviceId, identity, name, security] = [row.text(), row.text(), row.text(), row.text()];
  const [channel, frequencyMhz, signalDbm] = [row.bigint(), row.double(), row.double()];
  const [epoch, seq, eventId, deviceTime, sentAt] = [
    ...[row.text(), row.bigint(), row.text()],
    ...[row.time(), row.time()],
  ] as [string | null, number | null, string | null, number | null, number | null];
  const [capabilities, metadata] = [row.text(), row.text()];
  return {
    kind: 'detection',
    deviceId: deviceId as string,
    ...{ epoch, seq, eventId, deviceTime, sentAt, type },
    identity: identity as string,
    ...{ name, security, channel, frequencyMhz, signalDbm },
    position: readPosition(row),
    ...{ capabilities, metadata, receivedAt, timestamp, clockQuality, ordinal },
  };
}

function readPosition(row: RowReader): StoredDetection['position'] {
  const [lat, lon] = [row.double(), row.double()];
  const [altitude, accuracy, heading, speed] = [row.double(), row.double(), row.double(), row.double()];
  return lat === null || lon === null ? null : { lat, lon, altitude, accuracy, heading, speed };
}
