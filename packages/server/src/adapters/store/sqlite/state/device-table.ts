import { columnsOf, type DeviceColumns } from '../../../../core/device-select.ts';
import type { PartialRule } from '../../../../core/fold.ts';
import { addSeq, hasSeq } from '../../../../core/seq-set.ts';
import { resetSyncState, SYNC_STATE_LENGTH } from '../../../../core/sync-state.ts';
import { ByteWriter } from '../../sealed/bytes.ts';
import { type DeviceEpoch, type LoadedPage, type PageImage, writeEpochs } from './device-page.ts';
import { KeyIndex } from './key-index.ts';

/** Devices of one page: the unit in which state is written to disk. */
const PAGE_DEVICES = 256;
/** Bytes of an epoch's name, at most. */
const NAME_BYTES = 64;

/** The state of up to 256 neighbouring devices. */
class DevicePage {
  count = 0;
  readonly rows = new Float64Array(PAGE_DEVICES * SYNC_STATE_LENGTH);
  /**
   * The epoch that a device used last (its index, 0 for none), by name and with the end of its newest range: nearly every
   * event is the next number of that epoch, and is known as new without following a pointer.
   */
  readonly current = new Int32Array(PAGE_DEVICES);
  readonly names = new Uint8Array(PAGE_DEVICES * NAME_BYTES);
  readonly nameLengths = new Uint8Array(PAGE_DEVICES);
  readonly newest = new Float64Array(PAGE_DEVICES);
  /** Start of the only range, while `epochs` has no list for the device. */
  readonly oldest = new Float64Array(PAGE_DEVICES);
  /**
   * The lists of those devices that have more than one epoch or a gap in their numbers. For the others all is said above,
   * so that 100,000 devices are no objects at all. The end of the current epoch's newest range is `newest` here, too.
   */
  readonly epochs: (DeviceEpoch[] | undefined)[] = [];
  /** See {@link DeviceTable.noteDigest}. */
  readonly digestTimes = new Float64Array(PAGE_DEVICES).fill(Number.NEGATIVE_INFINITY);
  /** Position of each device's newest observation in the tail; 0 for none. Rebuilt at start, never written. */
  readonly heads = new Float64Array(PAGE_DEVICES);
  /** Newest log chunk whose effect was in this page as it was loaded. */
  applied = 0;
  /** True where the page differs from the disk. */
  dirty = false;
  /** What lists go by, as of the last list; `unlisted` once it is out of date. */
  columns: DeviceColumns | undefined;
  unlisted = true;

  name(slot: number): string {
    const at = slot * NAME_BYTES;
    return Buffer.from(this.names.buffer, at, this.nameLengths[slot]).toString('latin1');
  }

  setName(slot: number, name: string): void {
    this.nameLengths[slot] = name.length;
    for (let index = 0; index < name.length; index++)
      this.names[slot * NAME_BYTES + index] = name.charCodeAt(index);
  }

  /** The device's list, made now if there was none. */
  list(slot: number): DeviceEpoch[] {
    let list = this.epochs[slot];
    if (list === undefined) {
      list = this.view(slot);
      this.epochs[slot] = list;
    }
    return list;
  }

  /** The device's epochs with their ranges up to date; the list itself where there is one. */
  view(slot: number): DeviceEpoch[] {
    const current = this.current[slot] as number;
    if (current === 0) return [];
    const newest = this.newest[slot] as number;
    const list = this.epochs[slot];
    if (list === undefined) return [{ name: this.name(slot), seen: [this.oldest[slot] as number, newest] }];
    const { seen } = list[current - 1] as DeviceEpoch;
    seen[seen.length - 1] = newest;
    return list;
  }

  makeCurrent(slot: number, epochIndex: number, { name, seen }: DeviceEpoch): void {
    this.newest[slot] = seen[seen.length - 1] as number;
    if (this.current[slot] === epochIndex) return;
    this.current[slot] = epochIndex;
    this.setName(slot, name);
  }
}

/**
 * All devices by number, in pages of typed arrays: 100,000 devices are about 40 MB, and a snapshot of a page is a copy.
 * Numbers are given in the order of first appearance and never change.
 */
export class DeviceTable {
  readonly #pages: DevicePage[] = [];
  readonly #index = new KeyIndex();
  readonly #head = new ByteWriter(16_384);
  /** Lowest page that may have room: pages may have been written at different times. */
  #open = 0;

  get count(): number {
    return this.#index.count;
  }

  /** Number of the device whose id lies in `bytes`; -1 for none. */
  find(bytes: Uint8Array, at: number, length: number): number {
    return this.#index.find(bytes, at, length);
  }

  /** Number of a device; -1 for none. */
  findText(id: string): number {
    return this.#index.findText(id);
  }

  /** Gives the lowest free number to a new device. */
  create(bytes: Uint8Array, at: number, length: number): number {
    while (this.#page(this.#open).count === PAGE_DEVICES) this.#open += 1;
    const page = this.#page(this.#open);
    const slot = page.count++;
    const device = this.#open * PAGE_DEVICES + slot;
    resetSyncState(page.rows, slot * SYNC_STATE_LENGTH);
    this.#index.add(device, bytes, at, length);
    return device;
  }

  #page(number: number): DevicePage {
    while (this.#pages.length <= number) this.#pages.push(new DevicePage());
    return this.#pages[number] as DevicePage;
  }

  id(device: number): string {
    return this.#index.id(device);
  }

  /** What lists go by, of all devices. Only pages that have changed since the last list are read anew. */
  *columns(partial: PartialRule): Generator<DeviceColumns, void> {
    for (const [number, page] of this.#pages.entries()) {
      if (page.columns === undefined || page.unlisted) {
        page.columns = columnsOf(number * PAGE_DEVICES, page.count, page.rows, partial, page.columns);
        page.unlisted = false;
      }
      yield page.columns;
    }
  }

  rows(device: number): Float64Array {
    return (this.#pages[device >> 8] as DevicePage).rows;
  }

  base(device: number): number {
    return (device & 255) * SYNC_STATE_LENGTH;
  }

  /** A device's epochs, in the order of their indices, with the numbers seen in each. Not to be kept or changed. */
  epochs(device: number): readonly DeviceEpoch[] {
    return (this.#pages[device >> 8] as DevicePage).view(device & 255);
  }

  /** Index, from 1, of the epoch whose name lies in `bytes`; 0 if the device has none such. */
  epochIndex(device: number, bytes: Buffer, at: number, length: number): number {
    const page = this.#pages[device >> 8] as DevicePage;
    const slot = device & 255;
    const own = slot * NAME_BYTES;
    let same = page.nameLengths[slot] === length && page.current[slot] !== 0;
    for (let index = 0; same && index < length; index++) same = page.names[own + index] === bytes[at + index];
    if (same) return page.current[slot] as number;
    const list = page.epochs[slot];
    if (list === undefined) return 0;
    const name = bytes.toString('latin1', at, at + length);
    return list.findIndex((epoch) => epoch.name === name) + 1;
  }

  /** Remembers a new epoch of a device with its first number; returns its index. */
  addEpoch(device: number, name: string, seq: number): number {
    const page = this.#pages[device >> 8] as DevicePage;
    const slot = device & 255;
    if (page.current[slot] === 0) {
      page.current[slot] = 1;
      page.setName(slot, name);
      page.oldest[slot] = seq;
      page.newest[slot] = seq;
      return 1;
    }
    page.view(slot);
    const epoch: DeviceEpoch = { name, seen: [seq, seq] };
    const index = page.list(slot).push(epoch);
    page.makeCurrent(slot, index, epoch);
    return index;
  }

  /** True if the device has sent `seq` in that epoch before. */
  hasSeq(device: number, epochIndex: number, seq: number): boolean {
    const page = this.#pages[device >> 8] as DevicePage;
    const slot = device & 255;
    if (page.current[slot] === epochIndex && seq > (page.newest[slot] as number)) return false;
    if (page.epochs[slot] === undefined) return seq >= (page.oldest[slot] as number);
    return hasSeq((page.view(slot)[epochIndex - 1] as DeviceEpoch).seen, seq);
  }

  /** Notes a number of an epoch that the device has; one that it has already changes nothing. */
  addSeq(device: number, epochIndex: number, seq: number): void {
    const page = this.#pages[device >> 8] as DevicePage;
    const slot = device & 255;
    if (page.current[slot] === epochIndex && seq === (page.newest[slot] as number) + 1) {
      page.newest[slot] = seq;
      return;
    }
    if (this.hasSeq(device, epochIndex, seq)) return;
    page.view(slot);
    const epoch = page.list(slot)[epochIndex - 1] as DeviceEpoch;
    addSeq(epoch.seen, seq);
    page.makeCurrent(slot, epochIndex, epoch);
  }

  /**
   * Notes the device's own time of an event that is recognised by its digest. The digest contains that time, so an event
   * that is newer than all of them cannot have come before: a device that reports in order costs no look-up.
   */
  noteDigest(device: number, deviceTime: number): void {
    const { digestTimes } = this.#pages[device >> 8] as DevicePage;
    if (deviceTime > (digestTimes[device & 255] as number)) digestTimes[device & 255] = deviceTime;
  }

  /** True unless {@link noteDigest} rules out that an event of this device time came before. */
  mayHoldDigest(device: number, deviceTime: number): boolean {
    return deviceTime <= ((this.#pages[device >> 8] as DevicePage).digestTimes[device & 255] as number);
  }

  head(device: number): number {
    return (this.#pages[device >> 8] as DevicePage).heads[device & 255] as number;
  }

  /** Notes the device's newest observation; its page differs from the disk from here. */
  setHead(device: number, position: number): void {
    const page = this.#pages[device >> 8] as DevicePage;
    page.heads[device & 255] = position;
    page.dirty = true;
    page.unlisted = true;
  }

  markDirty(device: number): void {
    const page = this.#pages[device >> 8] as DevicePage;
    page.dirty = true;
    page.unlisted = true;
  }

  /** Chunk up to which the device's state was complete as loaded: earlier chunks must not be folded again. */
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
    const head = this.#head;
    head.at = 0;
    head.varint(page.count);
    for (let slot = 0; slot < page.count; slot++) {
      const id = this.#index.key(number * PAGE_DEVICES + slot);
      head.reserve(1);
      head.u8(id.length);
      head.raw(id);
    }
    for (let slot = 0; slot < page.count; slot++) writeEpochs(head, page.view(slot));
    return {
      page: number,
      count: page.count,
      head: new Uint8Array(this.#head.written()),
      rows: page.rows.slice(0, page.count * SYNC_STATE_LENGTH),
      digestTimes: page.digestTimes.slice(0, page.count),
    };
  }

  /** Puts a page back as it was taken. */
  loadPage(image: LoadedPage, applied: number): void {
    const page = this.#page(image.page);
    page.rows.set(image.rows);
    page.digestTimes.set(image.digestTimes);
    page.applied = applied;
    page.count = image.ids.length;
    for (const [slot, id] of image.ids.entries()) {
      this.#index.add(image.page * PAGE_DEVICES + slot, id, 0, id.length);
      const epochs = image.epochs[slot] as DeviceEpoch[];
      const last = epochs[epochs.length - 1];
      if (last === undefined) continue;
      page.makeCurrent(slot, epochs.length, last);
      page.oldest[slot] = last.seen[0] as number;
      if (epochs.length > 1 || last.seen.length > 2) page.epochs[slot] = epochs;
    }
  }
}
