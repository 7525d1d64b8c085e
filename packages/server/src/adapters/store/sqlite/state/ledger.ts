import { type SyncEvent, sameBody } from '@pisync/protocol';
import { fold, type PartialRule, type RecountInput, recount } from '../../../../core/fold.ts';
import { tieOf } from '../../../../core/identity.ts';
import { addSeq, hasSeq } from '../../../../core/seq-set.ts';
import { F } from '../../../../core/sync-state.ts';
import { HourlyTotals } from '../../../../core/totals.ts';
import { RecordView } from '../format/record.ts';
import { type DeviceEpoch, DeviceTable } from './device-table.ts';
import type { SealedIdentities } from './sealed-identities.ts';
import { Tail } from './tail.ts';

/** Outcome codes as they cross between threads. */
export const STORED = 0;
export const DUPLICATE = 1;
export const CONFLICT = 2;

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
  hours = new HourlyTotals();
  /** Log chunk up to which `hours` is complete as loaded. */
  hoursApplied = 0;

  constructor(nextPosition: number, partial: PartialRule, sealed: SealedIdentities) {
    this.tail = new Tail(nextPosition);
    this.partial = partial;
    this.#sealed = sealed;
  }

  /** Takes an observation if its identity is new, else says what it is. Nothing changes for a duplicate. */
  admit(event: RecordView, record: Uint8Array): number {
    const device = this.devices.find(event.deviceId);
    if (device !== undefined) {
      event.device = device;
      event.epochIndex = event.epoch === null ? 0 : indexOf(this.devices.epochs(device), event.epoch);
      const known = this.#known(event);
      if (known !== STORED) return known;
    }
    this.#place(event, device, record);
    this.#fold(event);
    this.hours.add(event);
    return STORED;
  }

  #known(event: RecordView): number {
    if (event.seq !== null) {
      if (event.epochIndex === 0) return STORED;
      const { seen } = this.devices.epochs(event.device)[event.epochIndex - 1] as DeviceEpoch;
      if (!hasSeq(seen, event.seq)) return STORED;
    } else if (!event.hashed) {
      return STORED;
    }
    const candidate = this.#candidate;
    let outcome = STORED;
    const compare = (body: SyncEvent): boolean => {
      // Equal hashes of different texts are different facts; a digest is the whole body, so it cannot conflict.
      if (event.seq === null && body.eventId !== event.eventId) return false;
      const same = sameBody(body, event);
      if (!same && event.seq === null && event.eventId === null) return false;
      outcome = same ? DUPLICATE : CONFLICT;
      return true;
    };
    if (this.tail.find(event, candidate, () => compare(candidate))) return outcome;
    if (this.#sealed.find(event, compare)) return outcome;
    // A counter whose row is gone was stored all the same: its body can no longer be compared.
    return event.seq === null ? STORED : DUPLICATE;
  }

  #place(event: RecordView, known: number | undefined, record: Uint8Array): void {
    const { devices, tail } = this;
    event.device = known ?? devices.create(event.deviceId);
    event.epochIndex = 0;
    if (event.seq !== null) {
      const name = event.epoch as string;
      event.epochIndex = indexOf(devices.epochs(event.device), name) || devices.addEpoch(event.device, name);
      addSeq((devices.epochs(event.device)[event.epochIndex - 1] as DeviceEpoch).seen, event.seq);
      event.tie = event.seq;
    } else {
      event.tie = event.hashed ? tieOf(event.hashHigh, event.hashLow) : tail.nextPosition;
    }
    const position = tail.append(record, event, devices.head(event.device));
    devices.setHead(event.device, position);
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

  /** Takes a record of the log at start; what a snapshot holds already is only put into the tail. */
  replay(event: RecordView, record: Uint8Array, chunk: number): void {
    const known = this.devices.find(event.deviceId);
    const applied = known === undefined ? 0 : this.devices.applied(known);
    if (event.isConflict) {
      this.tail.appendMark(record);
      if (known !== undefined && chunk > applied) this.countConflict(known);
      return;
    }
    this.#place(event, known, record);
    if (chunk > applied) this.#fold(event);
    if (chunk > this.hoursApplied) this.hours.add(event);
  }
}

/** Place of an epoch in a device's list, from 1; 0 if it is new. */
function indexOf(epochs: readonly DeviceEpoch[], name: string): number {
  for (let index = 0; index < epochs.length; index++) {
    if ((epochs[index] as DeviceEpoch).name === name) return index + 1;
  }
  return 0;
}
