import type { ClockQuality, Detection } from '@pisync/protocol';
import type { StoredDetection } from '../../../../../core/detections/detection-columns.ts';
import { freeBytes } from '../../../sealed/bytes.ts';

/*
 * Detections side by side. What rows repeat together is kept once: what was heard (a station), and who told it (a sender).
 */

/** What the detections of one radio have in common as long as it does not change. */
export interface Station
  extends Pick<
    Detection,
    'type' | 'identity' | 'name' | 'security' | 'channel' | 'frequencyMhz' | 'capabilities'
  > {}

/** Whose detections they are, and how far the clock was to be trusted. */
export interface Sender extends Pick<Detection, 'deviceId' | 'epoch'> {
  readonly clockQuality: ClockQuality;
}

/** The columns of numbers of a block. `NaN` stands for none. */
export interface NumberColumns {
  readonly ordinals: Float64Array;
  readonly timestamps: Float64Array;
  readonly lats: Float64Array;
  readonly lons: Float64Array;
  readonly signals: Float64Array;
  readonly received: Float64Array;
  readonly deviceTimes: Float64Array;
  readonly sent: Float64Array;
  readonly seqs: Float64Array;
  readonly altitudes: Float64Array;
  readonly accuracies: Float64Array;
  readonly headings: Float64Array;
  readonly speeds: Float64Array;
}

/** Whole detections side by side. Arrays may be longer than `count`. */
export interface DetectionRows extends NumberColumns {
  readonly count: number;
  /** Places in {@link stationTable} and {@link senderTable}. */
  readonly stations: Uint32Array;
  readonly senders: Uint32Array;
  readonly stationTable: readonly Station[];
  readonly senderTable: readonly Sender[];
  readonly eventIds: readonly (string | null)[];
  readonly metadata: readonly (string | null)[];
}

/** So many stations of one identity are compared; who changes its name all the time may be there twice. */
const MOST_TRIED = 16;

/** What a source gives to the spaces that take its rows, and where these find its stations and senders in them. */
export interface Remap {
  readonly stations: Int32Array;
  readonly senders: Int32Array;
  readonly numbers: readonly Float64Array[];
  /** True where some row has an event id or metadata. */
  readonly texts: boolean;
}

/** No place is known yet. */
export function remapOf(source: DetectionRows): Remap {
  const { count, eventIds, metadata } = source;
  let texts = false;
  for (let row = 0; row < count && !texts; row++) texts = eventIds[row] !== null || metadata[row] !== null;
  return {
    stations: new Int32Array(source.stationTable.length).fill(-1),
    senders: new Int32Array(source.senderTable.length).fill(-1),
    numbers: columnsOf(source),
    texts,
  };
}

/** Room for rows, which are added one by one or taken from others. Stations and senders stand in the order of their first use. */
export class RowSpace implements DetectionRows {
  count = 0;
  /** Characters of the texts that only one row has, and of stations. */
  characters = 0;
  readonly ordinals: Float64Array;
  readonly timestamps: Float64Array;
  readonly lats: Float64Array;
  readonly lons: Float64Array;
  readonly signals: Float64Array;
  readonly received: Float64Array;
  readonly deviceTimes: Float64Array;
  readonly sent: Float64Array;
  readonly seqs: Float64Array;
  readonly altitudes: Float64Array;
  readonly accuracies: Float64Array;
  readonly headings: Float64Array;
  readonly speeds: Float64Array;
  readonly stations: Uint32Array;
  readonly senders: Uint32Array;
  stationTable: Station[] = [];
  senderTable: Sender[] = [];
  readonly eventIds: (string | null)[];
  readonly metadata: (string | null)[];
  /** True where some row has a text of its own; where none has, all are null from the start. */
  #texts = false;
  readonly #numbers: readonly Float64Array[];
  /** First station of an identity, and the next one of the same identity. */
  readonly #byIdentity = new Map<string, number>();
  #nextOfIdentity: number[] = [];
  readonly #bySender = new Map<string, number>();
  #sender = 0;

  constructor(capacity: number) {
    const numbers = Array.from({ length: 13 }, () => new Float64Array(capacity));
    const take = (column: number): Float64Array => numbers[column] as Float64Array;
    this.ordinals = take(0);
    this.timestamps = take(1);
    this.lats = take(2);
    this.lons = take(3);
    this.signals = take(4);
    this.received = take(5);
    this.deviceTimes = take(6);
    this.sent = take(7);
    this.seqs = take(8);
    this.altitudes = take(9);
    this.accuracies = take(10);
    this.headings = take(11);
    this.speeds = take(12);
    this.#numbers = numbers;
    this.eventIds = new Array<null>(capacity).fill(null);
    this.metadata = new Array<null>(capacity).fill(null);
    this.stations = new Uint32Array(capacity);
    this.senders = new Uint32Array(capacity);
  }

  clear(): void {
    this.count = 0;
    this.characters = 0;
    this.stationTable = [];
    this.senderTable = [];
    if (this.#texts) {
      this.eventIds.fill(null);
      this.metadata.fill(null);
      this.#texts = false;
    }
    this.#byIdentity.clear();
    this.#nextOfIdentity = [];
    this.#bySender.clear();
    this.#sender = 0;
  }

  add(detection: StoredDetection): void {
    const at = this.count++;
    const { position, eventId, metadata } = detection;
    this.ordinals[at] = detection.ordinal;
    this.timestamps[at] = detection.timestamp;
    this.lats[at] = position?.lat ?? Number.NaN;
    this.lons[at] = position?.lon ?? Number.NaN;
    this.signals[at] = detection.signalDbm ?? Number.NaN;
    this.received[at] = detection.receivedAt;
    this.deviceTimes[at] = detection.deviceTime ?? Number.NaN;
    this.sent[at] = detection.sentAt ?? Number.NaN;
    this.seqs[at] = detection.seq ?? Number.NaN;
    this.altitudes[at] = position?.altitude ?? Number.NaN;
    this.accuracies[at] = position?.accuracy ?? Number.NaN;
    this.headings[at] = position?.heading ?? Number.NaN;
    this.speeds[at] = position?.speed ?? Number.NaN;
    this.stations[at] = this.#stationOf(detection);
    this.senders[at] = this.#senderOf(detection);
    if (eventId !== null || metadata !== null) this.#setTexts(at, eventId, metadata);
  }

  /** Takes the rows `from` to `to` of another space; there is room for them. */
  take(source: DetectionRows, from: number, to: number, remap: Remap): void {
    const { numbers, texts } = remap;
    const first = this.count;
    for (let column = 0; column < numbers.length; column++) {
      const taken = numbers[column] as Float64Array;
      const own = this.#numbers[column] as Float64Array;
      for (let row = from, at = first; row < to; row++, at++) own[at] = taken[row] as number;
    }
    for (let row = from, at = first; row < to; row++, at++) {
      const station = source.stations[row] as number;
      let place = remap.stations[station] as number;
      if (place < 0) {
        place = this.#stationOf(source.stationTable[station] as Station);
        remap.stations[station] = place;
      }
      this.stations[at] = place;
      const sender = source.senders[row] as number;
      place = remap.senders[sender] as number;
      if (place < 0) {
        place = this.#senderOf(source.senderTable[sender] as Sender);
        remap.senders[sender] = place;
      }
      this.senders[at] = place;
      if (texts) {
        this.#setTexts(at, source.eventIds[row] as string | null, source.metadata[row] as string | null);
      }
    }
    this.count += to - from;
  }

  /** Gives the columns back. The space is not to be used any more. */
  release(): void {
    freeBytes(...this.#numbers, this.stations, this.senders);
  }

  #setTexts(at: number, eventId: string | null, metadata: string | null): void {
    this.#texts = true;
    this.eventIds[at] = eventId;
    this.metadata[at] = metadata;
    if (eventId !== null) this.characters += eventId.length;
    if (metadata !== null) this.characters += metadata.length;
  }

  #stationOf(wanted: Station): number {
    const { identity } = wanted;
    const first = this.#byIdentity.get(identity) ?? -1;
    let place = first;
    for (let tried = 0; place >= 0 && tried < MOST_TRIED; tried++) {
      if (isSameStation(this.stationTable[place] as Station, wanted)) return place;
      place = this.#nextOfIdentity[place] as number;
    }
    const { type, name, security, channel, frequencyMhz, capabilities } = wanted;
    place = this.stationTable.length;
    this.stationTable.push({ type, identity, name, security, channel, frequencyMhz, capabilities });
    this.#nextOfIdentity.push(first);
    this.#byIdentity.set(identity, place);
    this.characters += identity.length + (name?.length ?? 0) + (capabilities?.length ?? 0);
    return place;
  }

  /** Neighbours mostly have the same sender. */
  #senderOf(wanted: Sender): number {
    const last = this.senderTable[this.#sender];
    if (last !== undefined && isSameSender(last, wanted)) return this.#sender;
    const { deviceId, epoch, clockQuality } = wanted;
    const key = JSON.stringify([deviceId, epoch, clockQuality]);
    let place = this.#bySender.get(key);
    if (place === undefined) {
      place = this.senderTable.push({ deviceId, epoch, clockQuality }) - 1;
      this.#bySender.set(key, place);
    }
    this.#sender = place;
    return place;
  }
}

function columnsOf(rows: DetectionRows): readonly Float64Array[] {
  const { ordinals, timestamps, lats, lons, signals, received, deviceTimes, sent, seqs } = rows;
  const { altitudes, accuracies, headings, speeds } = rows;
  return [
    ...[ordinals, timestamps, lats, lons, signals, received, deviceTimes, sent, seqs],
    ...[altitudes, accuracies, headings, speeds],
  ];
}

function isSameStation(a: Station, b: Station): boolean {
  return (
    a.type === b.type &&
    a.name === b.name &&
    a.security === b.security &&
    Object.is(a.channel, b.channel) &&
    Object.is(a.frequencyMhz, b.frequencyMhz) &&
    a.capabilities === b.capabilities
  );
}

function isSameSender(a: Sender, b: Sender): boolean {
  return a.deviceId === b.deviceId && a.epoch === b.epoch && a.clockQuality === b.clockQuality;
}

/** A row as a store tells it. */
export function toStoredDetection(rows: DetectionRows, row: number): StoredDetection {
  const station = rows.stationTable[rows.stations[row] as number] as Station;
  const sender = rows.senderTable[rows.senders[row] as number] as Sender;
  const lat = orNull(rows.lats[row] as number);
  const lon = orNull(rows.lons[row] as number);
  return {
    kind: 'detection',
    deviceId: sender.deviceId,
    epoch: sender.epoch,
    seq: orNull(rows.seqs[row] as number),
    eventId: rows.eventIds[row] as string | null,
    deviceTime: orNull(rows.deviceTimes[row] as number),
    sentAt: orNull(rows.sent[row] as number),
    type: station.type,
    identity: station.identity,
    name: station.name,
    security: station.security,
    channel: station.channel,
    frequencyMhz: station.frequencyMhz,
    signalDbm: orNull(rows.signals[row] as number),
    position:
      lat === null || lon === null
        ? null
        : {
            lat,
            lon,
            altitude: orNull(rows.altitudes[row] as number),
            accuracy: orNull(rows.accuracies[row] as number),
            heading: orNull(rows.headings[row] as number),
            speed: orNull(rows.speeds[row] as number),
          },
    capabilities: station.capabilities,
    metadata: rows.metadata[row] as string | null,
    receivedAt: rows.received[row] as number,
    timestamp: rows.timestamps[row] as number,
    clockQuality: sender.clockQuality,
    ordinal: rows.ordinals[row] as number,
  };
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
