import { crc32 } from 'node:zlib';
import type { RejectedItem } from '../../../../ports/store.ts';
import { ByteReader, ByteWriter } from '../../sealed/bytes.ts';
import type { SequenceCounters } from '../detections/known-detections.ts';
import { RecordView, writeConflict } from '../format/record.ts';
import { ParcelView } from '../points/point-parcel.ts';
import { Contacts, type CounterPlace } from './contacts.ts';
import type { Engine } from './engine.ts';
import { CONFLICT } from './ledger.ts';

/** Points as they come from one request. */
export interface PointParcel {
  /** As `packPoints` made them. */
  readonly bytes: Uint8Array;
  /** When they came; null where their devices do not count as seen. */
  readonly contactAt: number | null;
  /** As {@link packCounted} made them; null for none. */
  readonly counted: Uint8Array | null;
}

/** What one flush takes. */
export interface CommitMessage {
  readonly records: Uint8Array;
  readonly count: number;
  readonly rejected: readonly RejectedItem[];
  readonly parcels: readonly PointParcel[];
  /** Records of detections, and how many there are. */
  readonly detections: Uint8Array;
  readonly detectionCount: number;
}

/** One outcome code for each of what was given. */
export interface CommitOutcomes {
  readonly events: Uint8Array;
  readonly detections: Uint8Array;
  /** For the counted points of all parcels, one after the other. */
  readonly counted: Uint8Array;
}

const NO_OUTCOMES = new Uint8Array(0);
const DUPLICATE = 1;

/** Appends counted points of a parcel: device id, epoch, number, first point and the one behind the last. */
export function writeCounted(
  writer: ByteWriter,
  points: {
    readonly deviceId: string;
    readonly epoch: string;
    readonly seq: number;
    readonly from: number;
    readonly to: number;
  },
): void {
  writer.ascii(points.deviceId);
  writer.ascii(points.epoch);
  writer.varint(points.seq);
  writer.varint(points.from);
  writer.varint(points.to);
}

/**
 * Commits on the writing connection: admits what came, appends what is new to the logs and flushes once. Memory runs ahead of
 * the disk within a commit; when it throws, the engine is void.
 */
export class Committer {
  readonly #engine: Engine;
  readonly #contacts: Contacts;
  readonly #event = new RecordView();
  readonly #mark = new ByteWriter(256);

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#contacts = new Contacts(engine.ledger.devices);
  }

  commit(message: CommitMessage): CommitOutcomes {
    const { records, count, rejected, parcels } = message;
    const { ledger } = this.#engine;
    const position = ledger.tail.nextPosition;
    this.#contacts.begin();
    const detections = this.#admitDetections(message);
    const counted: Uint8Array[] = [];
    const views: ParcelView[] = [];
    for (const parcel of parcels) {
      const view = new ParcelView(parcel.bytes);
      if (parcel.counted !== null) counted.push(this.#admitCounted(parcel, view));
      const { contactAt } = parcel;
      if (contactAt !== null) {
        view.visitDevices((at, length) => this.#contacts.seen(view.bytes, at, length, contactAt));
      }
      views.push(view);
    }
    const events = this.#admitEvents(records, count);
    const chunk = ledger.tail.endChunk(this.#engine.chunk + 1);
    const kept = views.filter((view) => view.holdsPoints);
    if (chunk.length > 0 || rejected.length > 0 || kept.length > 0 || message.detectionCount > 0)
      this.#write(position, chunk, message, kept);
    if (chunk.length > 0) this.#engine.chunk += 1;
    return { events, detections, counted: counted.length === 0 ? NO_OUTCOMES : Buffer.concat(counted) };
  }

  #admitDetections({ detections, detectionCount }: CommitMessage): Uint8Array {
    if (detectionCount === 0) return NO_OUTCOMES;
    return this.#engine.detections.admit(detections, detectionCount, this.#counters);
  }

  /** What detections ask of the ledger, and tell it. */
  readonly #counters: SequenceCounters = {
    has: (view) => this.#contacts.isUsed(view as CounterPlace),
    heldByOther: (view) => this.#heldByEvent(view as CounterPlace),
    stored: (view) => {
      if (view.seq !== null) this.#contacts.use(view as CounterPlace, view.receivedAt);
      else this.#contacts.seen(view.bytes, view.idAt, view.idLength, view.receivedAt);
    },
    conflict: (view) => {
      const { ledger } = this.#engine;
      ledger.countConflict(ledger.devices.find(view.bytes, view.idAt, view.idLength));
      writeConflict(this.#contacts.marks, view.deviceId);
    },
  };

  #heldByEvent({ bytes, idAt, idLength, epochAt, epochLength, seq }: CounterPlace): boolean {
    const { ledger } = this.#engine;
    const probe = new RecordView();
    probe.device = ledger.devices.find(bytes, idAt, idLength);
    probe.epochIndex = ledger.devices.epochIndex(probe.device, bytes, epochAt, epochLength);
    Object.assign(probe, { bytes, idAt, idLength, epochAt, epochLength, seq });
    return ledger.holdsNumber(probe);
  }

  #admitEvents(records: Uint8Array, count: number): Uint8Array {
    const { ledger } = this.#engine;
    const outcomes = new Uint8Array(count);
    const reader = ledger.tail.beginChunk(records, count, this.#contacts.written());
    const event = this.#event;
    for (let index = 0; index < count; index++) {
      const start = reader.at;
      event.read(reader);
      const outcome = ledger.admit(event, start, reader.at);
      outcomes[index] = outcome;
      if (outcome === CONFLICT) this.#markConflict(event);
    }
    return outcomes;
  }

  #markConflict({ device, deviceId }: RecordView): void {
    this.#mark.at = 0;
    writeConflict(this.#mark, deviceId);
    this.#engine.ledger.tail.appendMark(this.#mark.written());
    this.#engine.ledger.countConflict(device);
  }

  /** Takes the counters of a parcel; the points of a number that was used before are dropped from it. */
  #admitCounted(parcel: PointParcel, view: ParcelView): Uint8Array {
    const reader = new ByteReader(parcel.counted as Uint8Array);
    const { contactAt } = parcel;
    if (contactAt === null) throw new TypeError('counted points tell no time of contact');
    const outcomes: number[] = [];
    while (reader.at < reader.bytes.length) {
      const place = readPlace(reader);
      const from = reader.varint();
      const to = reader.varint();
      const used = this.#contacts.isUsed(place);
      outcomes.push(used ? DUPLICATE : 0);
      if (used) view.drop(from, to);
      else this.#contacts.use(place, contactAt);
    }
    return Uint8Array.from(outcomes);
  }

  #write(
    position: number,
    chunk: Uint8Array,
    { rejected, detectionCount }: CommitMessage,
    parcels: readonly ParcelView[],
  ): void {
    const engine = this.#engine;
    // One statement is a transaction of its own, which saves two calls on the hot path.
    if (rejected.length === 0 && parcels.length === 0 && detectionCount === 0) {
      engine.appendLog(position, crc32(chunk), chunk);
      return;
    }
    engine.transaction(() => {
      if (chunk.length > 0) engine.appendLog(position, crc32(chunk), chunk);
      engine.noteWritten(engine.points.append(parcels));
      engine.noteWritten(engine.detections.log.write());
      for (const item of rejected) {
        engine.quarantine.add(item);
        engine.noteWritten(item.raw.length);
      }
    });
  }
}

function readPlace(reader: ByteReader): CounterPlace {
  const idLength = reader.u8();
  const idAt = reader.at;
  reader.at += idLength;
  const epochLength = reader.u8();
  const epochAt = reader.at;
  reader.at += epochLength;
  return { bytes: reader.bytes, idAt, idLength, epochAt, epochLength, seq: reader.varint() };
}
