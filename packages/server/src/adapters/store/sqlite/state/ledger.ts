import { type SyncEvent, sameBody } from '@pisync/protocol';
import { fold, type PartialRule, type RecountInput, recount } from '../../../../core/fold.ts';
import { tieOf } from '../../../../core/identity.ts';
import { F } from '../../../../core/sync-state.ts';
import { HourlyTotals } from '../../../../core/totals.ts';
import { RecordView } from '../format/record.ts';
import { Contacts } from './contacts.ts';
import { DeviceTable } from './device-table.ts';
import type { SealedIdentities } from './sealed-identities.ts';
import { Tail } from './tail.ts';

/** Outcome codes as they cross between threads. */
const STORED = 0;
const DUPLICATE = 1;
export const CONFLICT = 2;

/** What numbers of counters are held by observations of another kind. */
export interface NumberHolder {
  holdsNumber(deviceId: string, epoch: string, seq: number): boolean;
}

/**
 * Everything that is derived from the log, in memory: the tail, the devices, the hours. It is always exactly what the
 * committed log says; when a commit fails, it is thrown away and read again.
 */
export class Ledger {
  readonly devices = new DeviceTable();
  readonly tail: Tail;
  readonly partial: PartialRule;
  readonly #sealed: SealedIdentities;
  readonly #candidate = new RecordView();
  readonly #contacts = new Contacts(this.devices);
  hours = new HourlyTotals();
  /** Who holds numbers beside events; set once all is read. */
  others: NumberHolder | undefined;
  /** Log chunk up to which `hours` is complete as loaded. */
  hoursApplied = 0;

  constructor(nextPosition: number, partial: PartialRule, sealed: SealedIdentities) {
    this.tail = new Tail(nextPosition);
    this.partial = partial;
    this.#sealed = sealed;
  }

  /**
   * Takes the observation at `[start, end)` of the open chunk if its identity is new, else says what it is. Nothing
   * changes for a duplicate.
   */
  admit(event: RecordView, start: number, end: number): number {
    const { devices } = this;
    event.device = devices.find(event.bytes, event.idAt, event.idLength);
    event.epochIndex = 0;
    if (event.device >= 0) {
      if (event.seq !== null) {
        event.epochIndex = devices.epochIndex(event.device, event.bytes, event.epochAt, event.epochLength);
      }
      const known = this.#known(event);
      if (known !== STORED) return known;
    }
    this.#place(event, start, end);
    this.#fold(event);
    this.hours.add(event);
    return STORED;
  }

  #known(event: RecordView): number {
    if (event.seq !== null) {
      if (event.epochIndex === 0) return STORED;
      if (!this.devices.hasSeq(event.device, event.epochIndex, event.seq)) return STORED;
    } else if (
      !event.hashed ||
      (event.byDigest && !this.devices.mayHoldDigest(event.device, event.deviceTime as number))
    ) {
      return STORED;
    }
    return this.#compare(event);
  }

  /** Looks for the observation of the same identity and compares the bodies. */
  #compare(event: RecordView): number {
    const candidate = this.#candidate;
    let outcome = STORED;
    const accept = (body: SyncEvent): boolean => {
      // Equal hashes of different texts are different facts; a digest is the whole body, so it cannot conflict.
      if (event.seq === null && body.eventId !== event.eventId) return false;
      const same = sameBody(body, event);
      if (!same && event.seq === null && event.eventId === null) return false;
      outcome = same ? DUPLICATE : CONFLICT;
      return true;
    };
    if (this.tail.find(event, candidate, () => accept(candidate))) return outcome;
    if (this.#sealed.find(event, accept)) return outcome;
    if (event.seq === null) return STORED;
    if (this.others?.holdsNumber(event.deviceId, event.epoch as string, event.seq) === true) return CONFLICT;
    // A counter whose row is gone was stored all the same: its body can no longer be compared.
    return DUPLICATE;
  }

  /** True where an event that is held has this number. `probe` tells its device and number by their places. */
  holdsNumber(probe: RecordView): boolean {
    const taken = (): boolean => true;
    return this.tail.find(probe, this.#candidate, taken) || this.#sealed.find(probe, taken);
  }

  #place(event: RecordView, start: number, end: number): void {
    const { devices, tail } = this;
    if (event.device < 0) event.device = devices.create(event.bytes, event.idAt, event.idLength);
    const { device } = event;
    if (event.seq !== null) {
      if (event.epochIndex === 0)
        event.epochIndex = devices.addEpoch(device, event.epoch as string, event.seq);
      else devices.addSeq(device, event.epochIndex, event.seq);
      event.tie = event.seq;
    } else {
      event.tie = event.hashed ? tieOf(event.hashHigh, event.hashLow) : tail.nextPosition;
    }
    if (event.byDigest) devices.noteDigest(device, event.deviceTime as number);
    devices.setHead(device, tail.append(start, end, event, devices.head(device)));
  }

  #fold(event: RecordView): void {
    const row = this.devices.rows(event.device);
    const base = this.devices.base(event.device);
    if (fold(row, base, event, this.partial))
      recount(row, base, event, this.#stored(event.device), this.partial);
  }

  /** A device's events: the tail newest first, then the sealed ones newest first. */
  *#stored(device: number): Generator<RecountInput> {
    const rows: RecountInput[] = [];
    this.tail.walk(this.devices.head(device), this.#candidate, () => {
      const { timestamp, epochIndex, tie, totalFilesSynced, totalErrors } = this.#candidate;
      rows.push({ timestamp, epochIndex, tie, totalFilesSynced, totalErrors });
      return true;
    });
    yield* rows;
    yield* this.#sealed.rows(device);
  }

  /** Counts a refused body of a known identity. */
  countConflict(device: number): void {
    this.devices.rows(device)[this.devices.base(device) + F.conflicts]! += 1;
    this.devices.markDirty(device);
  }

  /** Takes the record at `[start, end)` of the open chunk at start; what a snapshot holds already is only indexed. */
  replay(event: RecordView, start: number, end: number, chunk: number): void {
    const { devices } = this;
    event.device = devices.find(event.bytes, event.idAt, event.idLength);
    event.epochIndex = 0;
    const applied = event.device < 0 ? 0 : devices.applied(event.device);
    if (event.isMark) {
      this.tail.keepMark(start, end);
      if (event.isContact) this.#contacts.replay(event, chunk > applied);
      else if (event.device >= 0 && chunk > applied) this.countConflict(event.device);
      return;
    }
    if (event.device >= 0 && event.seq !== null) {
      event.epochIndex = devices.epochIndex(event.device, event.bytes, event.epochAt, event.epochLength);
    }
    this.#place(event, start, end);
    if (chunk > applied) this.#fold(event);
    if (chunk > this.hoursApplied) this.hours.add(event);
  }
}
