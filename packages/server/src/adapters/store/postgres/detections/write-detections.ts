import { detectionTypes } from '@pisync/protocol';
import { clockQualities } from '../../../../core/sync-state.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type { Session } from '../connection/session.ts';
import { bigintArray, doubleArray, smallintArray, textArrayBytes, timeArray } from '../wire/binary-arrays.ts';
import { tileCode } from './tile-code.ts';
import { foldIntoNetworks } from './write-networks.ts';

type Detections = readonly StoredDetection[];

/** A column of the table and how its values are sent. */
type Column = readonly [name: string, type: string, values: (detections: Detections) => Buffer];

const doubles = (of: (detection: StoredDetection) => number | null) => (detections: Detections) =>
  doubleArray(detections.map(of));
const bigints = (of: (detection: StoredDetection) => number | null) => (detections: Detections) =>
  bigintArray(detections.map(of));
const smallints = (of: (detection: StoredDetection) => number) => (detections: Detections) =>
  smallintArray(detections.map(of));
const times = (of: (detection: StoredDetection) => number | null) => (detections: Detections) =>
  timeArray(detections.map(of));
const texts = (of: (detection: StoredDetection) => string | null) => (detections: Detections) =>
  textArrayBytes(detections.map(of));

const columns: readonly Column[] = [
  ['ordinal', 'bigint', bigints(({ ordinal }) => ordinal)],
  ['timestamp', 'timestamptz', times(({ timestamp }) => timestamp)],
  ['tile', 'bigint', bigints(({ position }) => position && tileCode(position.lat, position.lon))],
  ['lat', 'float8', doubles(({ position }) => position?.lat ?? null)],
  ['lon', 'float8', doubles(({ position }) => position?.lon ?? null)],
  ['signal_dbm', 'float8', doubles(({ signalDbm }) => signalDbm)],
  ['type', 'smallint', smallints(({ type }) => detectionTypes.indexOf(type))],
  ['clock_quality', 'smallint', smallints(({ clockQuality }) => clockQualities.indexOf(clockQuality))],
  ['received_at', 'timestamptz', times(({ receivedAt }) => receivedAt)],
  ['device_id', 'text', texts(({ deviceId }) => deviceId)],
  ['identity', 'text', texts(({ identity }) => identity)],
  ['name', 'text', texts(({ name }) => name)],
  ['security', 'text', texts(({ security }) => security)],
  ['channel', 'bigint', bigints(({ channel }) => channel)],
  ['frequency_mhz', 'float8', doubles(({ frequencyMhz }) => frequencyMhz)],
  ['altitude', 'float8', doubles(({ position }) => position?.altitude ?? null)],
  ['accuracy', 'float8', doubles(({ position }) => position?.accuracy ?? null)],
  ['heading', 'float8', doubles(({ position }) => position?.heading ?? null)],
  ['speed', 'float8', doubles(({ position }) => position?.speed ?? null)],
  ['epoch', 'text', texts(({ epoch }) => epoch)],
  ['seq', 'bigint', bigints(({ seq }) => seq)],
  ['event_id', 'text', texts(({ eventId }) => eventId)],
  ['device_time', 'timestamptz', times(({ deviceTime }) => deviceTime)],
  ['sent_at', 'timestamptz', times(({ sentAt }) => sentAt)],
  ['capabilities', 'text', texts(({ capabilities }) => capabilities)],
  ['metadata', 'text', texts(({ metadata }) => metadata)],
];

const names = columns.map(([name]) => name).join(', ');
const WRITE = `INSERT INTO detection (${names})
  SELECT * FROM unnest(${columns.map(([, type], at) => `$${at + 1}::${type}[]`).join(', ')})`;

/**
 * Writes new detections, and folds them into their networks; the store is locked, and their partitions exist. The server writes
 * rows while the networks are folded here.
 */
export async function writeDetections(session: Session, detections: Detections): Promise<void> {
  if (detections.length === 0) return;
  const work = [foldIntoNetworks(session, detections), writeRows(session, detections)];
  // Nothing may be left running when the transaction is given up.
  for (const result of await Promise.allSettled(work)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

async function writeRows(session: Session, detections: Detections): Promise<void> {
  await session.query(
    WRITE,
    columns.map(([, , values]) => values(detections)),
  );
}
