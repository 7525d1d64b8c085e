import { foldContact, isNewContact } from '../../../../core/contact.ts';
import { F } from '../../../../core/sync-state.ts';
import { ByteWriter } from '../../sealed/bytes.ts';
import { type CounterRange, type RecordView, writeContact } from '../format/record.ts';
import type { DeviceTable } from './device-table.ts';

/** A number of a device's counter, as it lies in bytes. */
export interface CounterPlace {
  readonly bytes: Buffer;
  readonly idAt: number;
  readonly idLength: number;
  readonly epochAt: number;
  readonly epochLength: number;
  readonly seq: number;
}

interface OpenRange extends CounterRange {
  readonly device: number;
  readonly receivedAt: number;
}

/**
 * What telemetry and detections tell of devices: that they were heard of, and which numbers of their counters are used.
 * Both become marks in the log of the same commit, since the log is what devices are derived from.
 */
export class Contacts {
  readonly #devices: DeviceTable;
  readonly #marks = new ByteWriter(1024);
  #open: OpenRange | undefined;

  constructor(devices: DeviceTable) {
    this.#devices = devices;
  }

  /** Begins with the marks of another commit. */
  begin(): void {
    this.#marks.at = 0;
  }

  /** The marks of the commit, valid until the next one begins. */
  written(): Uint8Array {
    this.#close();
    return this.#marks.written();
  }

  /** Writes the mark that another observation of a known identity was refused. */
  get marks(): ByteWriter {
    this.#close();
    return this.#marks;
  }

  /** Notes that the device whose id lies in `bytes` was heard of. @returns its number */
  seen(bytes: Buffer, at: number, length: number, receivedAt: number): number {
    const devices = this.#devices;
    let device = devices.find(bytes, at, length);
    if (device < 0) device = devices.create(bytes, at, length);
    if (isNewContact(devices.rows(device), devices.base(device), receivedAt)) {
      foldContact(devices.rows(device), devices.base(device), receivedAt);
      devices.markDirty(device);
      writeContact(this.marks, devices.id(device), receivedAt, null);
    }
    return device;
  }

  /** True where the number was used before, by an observation of whatever kind. */
  isUsed({ bytes, idAt, idLength, epochAt, epochLength, seq }: CounterPlace): boolean {
    const device = this.#devices.find(bytes, idAt, idLength);
    if (device < 0) return false;
    const epoch = this.#devices.epochIndex(device, bytes, epochAt, epochLength);
    return epoch > 0 && this.#devices.hasSeq(device, epoch, seq);
  }

  /** Notes that a number is used, and that its device was heard of. */
  use({ bytes, idAt, idLength, epochAt, epochLength, seq }: CounterPlace, receivedAt: number): void {
    const device = this.seen(bytes, idAt, idLength, receivedAt);
    const epoch = bytes.toString('latin1', epochAt, epochAt + epochLength);
    this.#note(device, epoch, this.#devices.epochIndex(device, bytes, epochAt, epochLength), seq);
    this.#devices.rows(device)[this.#devices.base(device) + F.otherNumbers]! += 1;
    this.#devices.markDirty(device);
    const open = this.#open;
    if (open?.device === device && open.epoch === epoch && open.to + 1 === seq) {
      open.to = seq;
      return;
    }
    this.#close();
    this.#open = { device, epoch, from: seq, to: seq, receivedAt };
  }

  #note(device: number, epoch: string, epochIndex: number, seq: number): void {
    if (epochIndex === 0) this.#devices.addEpoch(device, epoch, seq);
    else this.#devices.addSeq(device, epochIndex, seq);
  }

  #close(): void {
    if (this.#open === undefined) return;
    const { device, receivedAt } = this.#open;
    writeContact(this.#marks, this.#devices.id(device), receivedAt, this.#open);
    this.#open = undefined;
  }

  /** Takes a mark as it stands in the log. @param fold - false where the device's row holds its effect already */
  replay(mark: RecordView, fold: boolean): void {
    const devices = this.#devices;
    const { bytes, idAt, idLength, epochAt, epochLength, seq, receivedAt } = mark;
    let device = devices.find(bytes, idAt, idLength);
    if (device < 0) device = devices.create(bytes, idAt, idLength);
    if (fold) {
      const row = devices.rows(device);
      foldContact(row, devices.base(device), receivedAt);
      if (seq !== null) row[devices.base(device) + F.otherNumbers]! += mark.lastSeq - seq + 1;
      devices.markDirty(device);
    }
    if (seq === null) return;
    for (let number = seq; number <= mark.lastSeq; number++) {
      const epochIndex = devices.epochIndex(device, bytes, epochAt, epochLength);
      this.#note(device, mark.epoch as string, epochIndex, number);
    }
  }
}
