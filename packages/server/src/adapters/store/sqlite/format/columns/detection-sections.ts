import { type DetectionType, detectionTypes } from '@pisync/protocol';
import { clockQualities } from '../../../../../core/sync-state.ts';
import type { ByteReader, ByteWriter } from '../../../sealed/bytes.ts';
import type { DetectionRows, Sender, Station } from './detection-rows.ts';
import {
  readCodes,
  readNumbers,
  readRelative,
  writeCodes,
  writeNumbers,
  writeRelative,
} from './number-column.ts';
import { readTexts, writeTexts } from './text-column.ts';

/*
 * The sections of a block of detections: columns that are asked for together.
 */

export const POSITIONS = 0;
export const TIMES = 1;
export const SIGNALS = 2;
export const ORDINALS = 3;
export const STATIONS = 4;
export const SENDERS = 5;
export const CLOCKS = 6;
export const MOTION = 7;
export const TEXTS = 8;
export const SECTIONS = 9;

/** Writes the columns of a section, which stand in their order here. */
export function writeSection(writer: ByteWriter, section: number, rows: DetectionRows): void {
  const { count, timestamps } = rows;
  if (section === POSITIONS) {
    writeNumbers(writer, rows.lats, count);
    writeNumbers(writer, rows.lons, count);
  } else if (section === TIMES) writeNumbers(writer, timestamps, count);
  else if (section === SIGNALS) writeNumbers(writer, rows.signals, count);
  else if (section === ORDINALS) writeNumbers(writer, rows.ordinals, count);
  else if (section === STATIONS) {
    writeStations(writer, rows.stationTable);
    writeCodes(writer, rows.stations, count);
  } else if (section === SENDERS) {
    writeSenders(writer, rows.senderTable);
    if (rows.senderTable.length > 1) writeCodes(writer, rows.senders, count);
  } else if (section === CLOCKS) {
    writeRelative(writer, rows.received, timestamps, count);
    writeRelative(writer, rows.deviceTimes, timestamps, count);
    writeRelative(writer, rows.sent, rows.received, count);
    writeRelative(writer, rows.seqs, rows.ordinals, count);
  } else if (section === MOTION) {
    for (const column of [rows.altitudes, rows.accuracies, rows.headings, rows.speeds]) {
      writeNumbers(writer, column, count);
    }
  } else {
    writeTexts(writer, rows.eventIds, count);
    writeTexts(writer, rows.metadata, count);
  }
}

function writeStations(writer: ByteWriter, table: readonly Station[]): void {
  writer.varint(table.length);
  const texts = (field: 'identity' | 'name' | 'security' | 'capabilities'): void =>
    writeTexts(
      writer,
      table.map((station) => station[field]),
      table.length,
    );
  const numbers = (numberOf: (station: Station) => number | null): void =>
    writeNumbers(
      writer,
      Float64Array.from(table, (station) => numberOf(station) ?? Number.NaN),
      table.length,
    );
  numbers(({ type }) => detectionTypes.indexOf(type));
  texts('identity');
  texts('name');
  texts('security');
  texts('capabilities');
  numbers(({ channel }) => channel);
  numbers(({ frequencyMhz }) => frequencyMhz);
}

function writeSenders(writer: ByteWriter, table: readonly Sender[]): void {
  writer.varint(table.length);
  const qualities = Float64Array.from(table, ({ clockQuality }) => clockQualities.indexOf(clockQuality));
  const deviceIds = table.map(({ deviceId }) => deviceId);
  const epochs = table.map(({ epoch }) => epoch);
  writeNumbers(writer, qualities, table.length);
  writeTexts(writer, deviceIds, table.length);
  writeTexts(writer, epochs, table.length);
}

/**
 * Reads the columns of a section.
 *
 * @param rows - the block: of other sections it is asked for what this one is told by
 */
export function readSection(
  reader: ByteReader,
  section: number,
  rows: DetectionRows,
): Partial<DetectionRows> {
  const { count } = rows;
  const numbers = (): Float64Array => readNumbers(reader, count);
  // Object literals are evaluated in order, which is that of the columns.
  if (section === POSITIONS) return { lats: numbers(), lons: numbers() };
  if (section === TIMES) return { timestamps: numbers() };
  if (section === SIGNALS) return { signals: numbers() };
  if (section === ORDINALS) return { ordinals: numbers() };
  if (section === STATIONS) return { stationTable: readStations(reader), stations: readCodes(reader, count) };
  if (section === SENDERS) {
    const senderTable = readSenders(reader);
    return {
      senderTable,
      senders: senderTable.length > 1 ? readCodes(reader, count) : new Uint32Array(count),
    };
  }
  if (section === CLOCKS) {
    const received = readRelative(reader, rows.timestamps, count);
    return {
      received,
      deviceTimes: readRelative(reader, rows.timestamps, count),
      sent: readRelative(reader, received, count),
      seqs: readRelative(reader, rows.ordinals, count),
    };
  }
  if (section === MOTION) {
    return { altitudes: numbers(), accuracies: numbers(), headings: numbers(), speeds: numbers() };
  }
  return { eventIds: readTexts(reader, count), metadata: readTexts(reader, count) };
}

function readStations(reader: ByteReader): readonly Station[] {
  const count = reader.varint();
  const types = readNumbers(reader, count);
  const [identities, names, securities, capabilities] = [0, 1, 2, 3].map(() => readTexts(reader, count));
  const channels = readNumbers(reader, count);
  const frequencies = readNumbers(reader, count);
  return Array.from(types, (type, place) => ({
    type: detectionTypes[type] as DetectionType,
    identity: identities?.[place] as string,
    name: names?.[place] ?? null,
    security: securities?.[place] ?? null,
    channel: orNull(channels[place] as number),
    frequencyMhz: orNull(frequencies[place] as number),
    capabilities: capabilities?.[place] ?? null,
  }));
}

function readSenders(reader: ByteReader): readonly Sender[] {
  const count = reader.varint();
  const qualities = readNumbers(reader, count);
  const deviceIds = readTexts(reader, count);
  const epochs = readTexts(reader, count);
  return Array.from(qualities, (quality, place) => ({
    deviceId: deviceIds[place] as string,
    epoch: epochs[place] ?? null,
    clockQuality: clockQualities[quality] as Sender['clockQuality'],
  }));
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
