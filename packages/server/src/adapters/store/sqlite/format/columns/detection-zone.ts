import { crc32 } from 'node:zlib';
import { detectionTypes, PisyncError } from '@pisync/protocol';
import type { DetectionRows } from './detection-rows.ts';

/*
 * The zone map of a block: bounds of what its rows say, so that blocks that hold nothing of what is asked for are not read.
 */

/** Bounds of the rows of a block. Where no row has the value, the least is infinite and the greatest its negative. */
export interface DetectionZone {
  readonly count: number;
  /** Bit n is set where a row has the type with index n of `detectionTypes`. */
  readonly types: number;
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
  /** Of the rows with a position. */
  readonly south: number;
  readonly north: number;
  readonly west: number;
  readonly east: number;
  /** Of the rows with a signal. */
  readonly minSignal: number;
  readonly maxSignal: number;
  readonly minOrdinal: number;
  readonly maxOrdinal: number;
}

const VERSION = 1;
const NUMBERS_AT = 4;
const CRC_AT = NUMBERS_AT + 10 * 8;
const ZONE_BYTES = CRC_AT + 4;

/** The zone map of all rows; each of their stations is in use. */
export function zoneOf(rows: DetectionRows): DetectionZone {
  const { count } = rows;
  let types = 0;
  for (const { type } of rows.stationTable) types |= 1 << detectionTypes.indexOf(type);
  const [minTimestamp, maxTimestamp] = boundsOf(rows.timestamps, count);
  const [south, north] = boundsOf(rows.lats, count);
  const [west, east] = boundsOf(rows.lons, count);
  const [minSignal, maxSignal] = boundsOf(rows.signals, count);
  const [minOrdinal, maxOrdinal] = boundsOf(rows.ordinals, count);
  return {
    ...{ count, types, minTimestamp, maxTimestamp, south, north, west, east },
    ...{ minSignal, maxSignal, minOrdinal, maxOrdinal },
  };
}

function boundsOf(values: Float64Array, count: number): [least: number, greatest: number] {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < count; row++) {
    const value = values[row] as number;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return [least, greatest];
}

/** The bytes of a zone map. */
export function writeZone(zone: DetectionZone): Uint8Array {
  const bytes = Buffer.alloc(ZONE_BYTES);
  bytes[0] = VERSION;
  bytes[1] = zone.types;
  bytes.writeUInt16LE(zone.count, 2);
  for (const [index, number] of numbersOf(zone).entries()) {
    bytes.writeDoubleLE(number, NUMBERS_AT + index * 8);
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT);
  return bytes;
}

function numbersOf(zone: DetectionZone): readonly number[] {
  const { minTimestamp, maxTimestamp, south, north, west, east, minSignal, maxSignal } = zone;
  const { minOrdinal, maxOrdinal } = zone;
  return [
    ...[minTimestamp, maxTimestamp, south, north, west, east, minSignal, maxSignal],
    ...[minOrdinal, maxOrdinal],
  ];
}

/** @throws {PisyncError} `store_damaged` if the bytes are no zone map of a known version */
export function readZone(bytes: Uint8Array): DetectionZone {
  const zone = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = zone.length === ZONE_BYTES && zone[0] === VERSION;
  if (!whole || crc32(zone.subarray(0, CRC_AT)) !== zone.readUInt32LE(CRC_AT)) {
    throw new PisyncError('store_damaged', { detail: 'a zone map of detections cannot be read' });
  }
  const number = (index: number): number => zone.readDoubleLE(NUMBERS_AT + index * 8);
  return {
    count: zone.readUInt16LE(2),
    types: zone[1] as number,
    minTimestamp: number(0),
    maxTimestamp: number(1),
    south: number(2),
    north: number(3),
    west: number(4),
    east: number(5),
    minSignal: number(6),
    maxSignal: number(7),
    minOrdinal: number(8),
    maxOrdinal: number(9),
  };
}
