import { type DetectionType, detectionTypes } from '@pisync/protocol';
import {
  emptyNetwork,
  type NetworkRow,
  toNetworkRecord,
} from '../../../../core/detections/networks/network-fold.ts';
import type { NetworkRecord } from '../../../../ports/detection-store.ts';
import type { RowReader } from '../wire/read-rows.ts';

/** Columns of `network` in the order in which {@link readNetwork} reads them, and their types. */
export const networkColumns = [
  ['type', 'smallint'],
  ['identity', 'text'],
  ['first_seen_at', 'timestamptz'],
  ['last_seen_at', 'timestamptz'],
  ['last_ordinal', 'bigint'],
  ['detections', 'bigint'],
  ['name', 'text'],
  ['security', 'text'],
  ['channel', 'bigint'],
  ['frequency_mhz', 'float8'],
  ['signal_dbm', 'float8'],
  ['signal_at', 'timestamptz'],
  ['signal_ordinal', 'bigint'],
  ['signal_lat', 'float8'],
  ['signal_lon', 'float8'],
  ['located', 'bigint'],
  ['weight', 'float8'],
  ['x', 'float8'],
  ['y', 'float8'],
  ['z', 'float8'],
] as const;

/** For SELECT. */
export const NETWORK = networkColumns.map(([name]) => `network.${name}`).join(', ');

/** What the table knows of a network; its variants are in a table of their own, and are not read. */
export function readNetwork(row: RowReader): NetworkRow {
  const network = emptyNetwork(readType(row), row.text() as string);
  network.firstSeenAt = row.time() as number;
  network.lastSeenAt = row.time() as number;
  network.lastOrdinal = row.bigint() as number;
  network.detections = row.bigint() as number;
  network.name = row.text();
  network.security = row.text();
  network.channel = row.bigint();
  network.frequencyMhz = row.double();
  network.signal = row.double();
  network.signalAt = row.time() as number;
  network.signalOrdinal = row.bigint() as number;
  network.signalLat = row.double();
  network.signalLon = row.double();
  network.located = row.bigint() as number;
  network.weight = row.double() as number;
  network.x = row.double() as number;
  network.y = row.double() as number;
  network.z = row.double() as number;
  return network;
}

/** What is told of the network of a row. */
export function readRecord(row: RowReader): NetworkRecord {
  return toNetworkRecord(readNetwork(row));
}

export function readType(row: RowReader): DetectionType {
  return detectionTypes[row.smallint() as number] as DetectionType;
}
