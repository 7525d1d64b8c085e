import { type ItemOutcome, syncStatus } from '@pisync/protocol';
import type { FleetEvent } from './fleet.ts';
import type { LedgerFile } from './ledger-file.ts';

/** Sums that both the ledger and the server keep per device, under the server's names. */
export const measures = ['syncs', 'success', 'partial', 'failed', 'files', 'errors', 'bytes'] as const;

export type Measure = (typeof measures)[number];

/** Sums of one device. */
export type DeviceSums = Readonly<Record<Measure, number>>;

/** What one device was told to be stored. */
export interface DeviceAccount {
  readonly acknowledged: DeviceSums;
  /** Events that the server may hold although it never said so to this run: an attempt had no result. */
  readonly unsure: number;
}

/** Item results over the whole run. */
export interface LedgerTotals {
  stored: number;
  duplicate: number;
  conflict: number;
  rejected: number;
  /** Items that got no result at all. */
  errors: number;
}

/** Keeps what the server acknowledged, one small fixed record per device, so that it can be compared afterwards. */
export class Ledger {
  readonly totals: LedgerTotals = { stored: 0, duplicate: 0, conflict: 0, rejected: 0, errors: 0 };
  /** One row of `measures` per device. */
  readonly #sums: Float64Array;
  readonly #unsure: Float64Array;

  readonly #file: LedgerFile | undefined;

  /** @param file - where each event is written down as well */
  constructor(devices: number, file?: LedgerFile) {
    this.#file = file;
    this.#sums = new Float64Array(devices * measures.length);
    this.#unsure = new Float64Array(devices);
  }

  /**
   * Enters one item's result.
   *
   * @param answerLost - an earlier attempt at this item ended without a result, so that `duplicate` may mean our own
   */
  enter(event: FleetEvent, outcome: ItemOutcome, answerLost: boolean): void {
    this.totals[outcome] += 1;
    if (outcome === 'stored' || outcome === 'duplicate') this.#file?.add(event, outcome);
    if (outcome === 'stored') this.#add(event);
    else if (outcome === 'duplicate' && answerLost) this.#doubt(event);
  }

  /** Enters an item that was given up without a result. */
  enterError(event: FleetEvent, answerLost: boolean): void {
    this.totals.errors += 1;
    if (!answerLost) return;
    this.#doubt(event);
    this.#file?.add(event, 'unsure');
  }

  account(device: number): DeviceAccount {
    const start = device * measures.length;
    const sums = measures.map((measure, index) => [measure, this.#sums[start + index] ?? 0]);
    return { acknowledged: Object.fromEntries(sums) as DeviceSums, unsure: this.#unsure[device] ?? 0 };
  }

  #add({ device, wire }: FleetEvent): void {
    const status = syncStatus(wire.total_files_synced, wire.total_errors);
    const sums: DeviceSums = {
      syncs: 1,
      success: status === 'success' ? 1 : 0,
      partial: status === 'partial' ? 1 : 0,
      failed: status === 'failed' ? 1 : 0,
      files: wire.total_files_synced,
      errors: wire.total_errors,
      bytes: wire.bytes_synced,
    };
    let place = device * measures.length;
    for (const measure of measures) {
      this.#sums[place] = (this.#sums[place] ?? 0) + sums[measure];
      place += 1;
    }
  }

  #doubt({ device }: FleetEvent): void {
    this.#unsure[device] = (this.#unsure[device] ?? 0) + 1;
  }
}
