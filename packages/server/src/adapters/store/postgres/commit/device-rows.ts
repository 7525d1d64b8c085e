import type { PartialRule } from '../../../../core/fold.ts';
import { textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { FailureChanges } from '../failures/failure-changes.ts';
import { type DeviceRow, emptyState, unpackState } from './device-state.ts';

/** Half of the devices that are kept from one commit to the next at most, about 600 bytes each. */
const GENERATION = 75_000;

/**
 * Devices as the last commit of this process left them, or will leave them when it has ended. Valid only while no other
 * process has committed since. Kept in two generations: those that were not used while a whole one came go.
 */
export class KeptDevices {
  #young = new Map<string, DeviceRow>();
  #old = new Map<string, DeviceRow>();

  get(deviceId: string): DeviceRow | undefined {
    const device = this.#young.get(deviceId);
    if (device !== undefined) return device;
    const older = this.#old.get(deviceId);
    if (older !== undefined) this.keep(older);
    return older;
  }

  keep(device: DeviceRow): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(device.deviceId, device);
  }

  forget(deviceId: string): void {
    this.#young.delete(deviceId);
    this.#old.delete(deviceId);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}

/** Devices of one commit: read once, changed in memory, written once. Those that were kept are changed where they are. */
export class DeviceRows {
  readonly #kept: KeptDevices;
  readonly #devices = new Map<string, DeviceRow>();
  readonly #changed = new Set<DeviceRow>();
  readonly #failures: FailureChanges;

  constructor(kept: KeptDevices, partial: PartialRule) {
    this.#kept = kept;
    this.#failures = new FailureChanges(partial);
  }

  /** Takes those that were kept. @returns those that have to be read */
  take(deviceIds: ReadonlySet<string>): readonly string[] {
    const missing: string[] = [];
    for (const deviceId of deviceIds) {
      const known = this.#kept.get(deviceId);
      if (known === undefined) missing.push(deviceId);
      else this.#devices.set(deviceId, known);
    }
    return missing;
  }

  /** Takes the devices that exist; the others begin empty. */
  async read(session: Session, deviceIds: readonly string[]): Promise<void> {
    if (deviceIds.length === 0) return;
    const rows = await session.query<{ device_id: string; epochs: string; state: Buffer }>(
      'SELECT device_id, epochs, state FROM device WHERE device_id = ANY($1::text[])',
      [textArray(deviceIds)],
    );
    for (const { device_id: deviceId, epochs, state } of rows) {
      const device = { deviceId, epochs: splitEpochs(epochs), state: unpackState(state), isNew: false };
      this.#devices.set(deviceId, device);
    }
  }

  /** The device, to be changed; made now if it was never heard of. */
  change(deviceId: string): DeviceRow {
    let device = this.#devices.get(deviceId);
    if (device === undefined) {
      device = { deviceId, epochs: [], state: emptyState(), isNew: true };
      this.#devices.set(deviceId, device);
    }
    if (!this.#changed.has(device)) {
      this.#failures.leave(device.state);
      this.#changed.add(device);
    }
    return device;
  }

  /** Place of an epoch among those of the device, from 1; added at the end if it is new. */
  epochIndex(device: DeviceRow, epoch: string): number {
    const known = device.epochs.indexOf(epoch);
    return known >= 0 ? known + 1 : device.epochs.push(epoch);
  }

  get changed(): readonly DeviceRow[] {
    return [...this.#changed];
  }

  /** What counts them by their failures, see `FailureChanges.statement`; to be asked once, when all is decided. */
  countFailures(before: number, after: number): string | null {
    for (const { state } of this.#changed) this.#failures.enter(state);
    return this.#failures.statement(before, after);
  }

  /** How many devices there are more than before; to be asked before {@link keep}. */
  get added(): number {
    let added = 0;
    for (const { isNew } of this.#changed) if (isNew) added += 1;
    return added;
  }

  /** Keeps them for the next commit. To be called when what writes them is made. */
  keep(): void {
    for (const device of this.#changed) device.isNew = false;
    for (const device of this.#devices.values()) this.#kept.keep(device);
  }

  /** They are not as they were, and will not be written. */
  forget(): void {
    for (const deviceId of this.#devices.keys()) this.#kept.forget(deviceId);
  }
}

/** `device.epochs`: one line each, for an epoch holds no line feed. */
export function splitEpochs(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}
