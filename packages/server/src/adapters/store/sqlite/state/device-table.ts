import type { SeqSet } from '../../../../core/seq-set.ts';
import { resetSyncState, SYNC_STATE_LENGTH } from '../../../../core/sync-state.ts';
import { ByteReader, ByteWriter } from '../format/bytes.ts';

/** Devices of one page: the unit in which state is written to disk. */
export const PAGE_DEVICES = 256;

/** One epoch of a device's outbox. Its place in the device's list, from 1, is the epoch index. */
export interface DeviceEpoch {
  readonly name: string;
  readonly seen: SeqSet;
}

/** The state of up to 256 neighbouring devices. */
class DevicePage {
  readonly rows = new Float64Array(PAGE_DEVICES * SYNC_STATE_LENGTH);
  readonly ids: string[] = [];
  readonly epochs: DeviceEpoch[][] = [];
  /** Position of each device's newest observation in the tail; 0 for none. Rebuilt at start, never written. */
  readonly heads = new Float64Array(PAGE_DEVICES);
  /** Newest log chunk whose effect is in this page as it lies on disk. */
  applied = 0;
  dirty = false;
}

const noEpochs: DeviceEpoch[] = [];

/**
 * All devices by number, in pages of typed arrays: 100,000 devices are about 40 MB, and a snapshot of a page is a copy.
 * Numbers are given in the order of first appearance and never change.
 */
export class DeviceTable {
  readonly #pages: DevicePage[] = [];
  readonly #numbers = new Map<string, number>();
  /** Lowest number that may be free: pages may have been written at different times. */
  #next = 0;

  get count(): number {
    return this.#numbers.size;
  }

  find(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  /** Gives the lowest free number to a new device. */
  create(id: string): number {
    while ((this.#pages[Math.floor(this.#next / PAGE_DEVICES)]?.ids.length ?? -1) > this.#next % PAGE_DEVICES)
      this.#next += 1;
    const device = this.#next++;
    const page = this.#pageOf(device);
    const slot = device % PAGE_DEVICES;
    page.ids[slot] = id;
    page.epochs[slot] = noEpochs;
    resetSyncState(page.rows, slot * SYNC_STATE_LENGTH);
    this.#numbers.set(id, device);
    return device;
  }

  #pageOf(device: number): DevicePage {
    const at = Math.floor(device / PAGE_DEVICES);
    while (this.#pages.length <= at) this.#pages.push(new DevicePage());
    return this.#pages[at] as DevicePage;
  }

  id(device: number): string {
    return (this.#pages[device >> 8] as DevicePage).ids[device & 255] as string;
  }

  epochs(device: number): readonly DeviceEpoch[] {
    return (this.#pages[device >> 8] as DevicePage).epochs[device & 255] as DeviceEpoch[];
  }

  /** Remembers a new epoch of a device; returns its index, from 1. */
  addEpoch(device: number, name: string, seen: SeqSet = []): number {
    const { epochs } = this.#pages[device >> 8] as DevicePage;
    const slot = device & 255;
    if (epochs[slot] === noEpochs) epochs[slot] = [];
    return (epochs[slot] as DeviceEpoch[]).push({ name, seen });
  }

  rows(device: number): Float64Array {
    return (this.#pages[device >> 8] as DevicePage).rows;
  }

  base(device: number): number {
    return (device & 255) * SYNC_STATE_LENGTH;
  }

  head(device: number): number {
    return (this.#pages[device >> 8] as DevicePage).heads[device & 255] as number;
  }

  setHead(device: number, position: number): void {
    const page = this.#pages[device >> 8] as DevicePage;
    page.heads[device & 255] = position;
    page.dirty = true;
  }

  markDirty(device: number): void {
    (this.#pages[device >> 8] as DevicePage).dirty = true;
  }

  /** Chunk up to which the device's state on disk was complete at load: earlier chunks must not be folded again. */
  applied(device: number): number {
    return (this.#pages[device >> 8] as DevicePage).applied;
  }

  /** Numbers of the pages that differ from the disk. */
  dirtyPages(): number[] {
    return this.#pages.flatMap((page, number) => (page.dirty ? [number] : []));
  }

  /** A copy of a page as it is now, to be packed elsewhere; the page counts as clean from here. */
  takePage(number: number): PageImage {
    const page = this.#pages[number] as DevicePage;
    page.dirty = false;
    return {
      page: number,
      rows: page.rows.slice(0, page.ids.length * SYNC_STATE_LENGTH),
      ids: page.ids.slice(),
      epochs: page.epochs.map((epochs) => epochs.map(({ name, seen }) => ({ name, seen: seen.slice() }))),
    };
  }

  /** Puts a page back as {@link unpackPage} read it. */
  loadPage(image: PageImage, applied: number): void {
    const page = this.#pageOf(image.page * PAGE_DEVICES);
    page.rows.set(image.rows);
    page.applied = applied;
    for (const [slot, id] of image.ids.entries()) {
      page.ids[slot] = id;
      const epochs = image.epochs[slot] as DeviceEpoch[];
      page.epochs[slot] = epochs.length === 0 ? noEpochs : epochs;
      this.#numbers.set(id, image.page * PAGE_DEVICES + slot);
    }
  }
}

/** A page outside the table. */
export interface PageImage {
  readonly page: number;
  readonly rows: Float64Array;
  readonly ids: string[];
  readonly epochs: DeviceEpoch[][];
}

/** A page as bytes: count, ids, epochs with their ranges, then the rows field by field, since a field's values are alike. */
export function packPage(image: PageImage): Buffer {
  const count = image.ids.length;
  const writer = new ByteWriter(count * (SYNC_STATE_LENGTH * 8 + 32) + 64);
  writer.varint(count);
  for (const id of image.ids) writer.ascii(id);
  for (const epochs of image.epochs) {
    writer.varint(epochs.length);
    for (const { name, seen } of epochs) {
      writer.ascii(name);
      writer.varint(seen.length / 2);
      let before = 0;
      for (const seq of seen) {
        writer.varint(seq - before);
        before = seq;
      }
    }
  }
  writer.reserve(count * SYNC_STATE_LENGTH * 8);
  for (let field = 0; field < SYNC_STATE_LENGTH; field++) {
    for (let slot = 0; slot < count; slot++)
      writer.f64(image.rows[slot * SYNC_STATE_LENGTH + field] as number);
  }
  return writer.written();
}

/** The inverse of {@link packPage}. */
export function unpackPage(page: number, bytes: Uint8Array): PageImage {
  const reader = new ByteReader(bytes);
  const count = reader.varint();
  const ids: string[] = [];
  for (let slot = 0; slot < count; slot++) ids.push(reader.ascii());
  const epochs: DeviceEpoch[][] = [];
  for (let slot = 0; slot < count; slot++) epochs.push(readEpochs(reader));
  const rows = new Float64Array(count * SYNC_STATE_LENGTH);
  for (let field = 0; field < SYNC_STATE_LENGTH; field++) {
    for (let slot = 0; slot < count; slot++) rows[slot * SYNC_STATE_LENGTH + field] = reader.f64();
  }
  return { page, rows, ids, epochs };
}

function readEpochs(reader: ByteReader): DeviceEpoch[] {
  const epochs: DeviceEpoch[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    const name = reader.ascii();
    const seen: SeqSet = [];
    let before = 0;
    for (let numbers = reader.varint() * 2; numbers > 0; numbers--) {
      before += reader.varint();
      seen.push(before);
    }
    epochs.push({ name, seen });
  }
  return epochs;
}
