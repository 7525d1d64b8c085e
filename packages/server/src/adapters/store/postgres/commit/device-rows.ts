import { textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { type DeviceRow, emptyState, unpackState } from './device-state.ts';
import { writeDeviceRows } from './write-devices.ts';

/** Devices that are kept from one commit to the next, about 600 bytes each. */
const MAX_KEPT = 150_000;

/** Devices as the last commit of this process left them. Valid only while no other process has committed since. */
export class KeptDevices {
  readonly #devices = new Map<string, DeviceRow>();

  get(deviceId: string): DeviceRow | undefined {
    return this.#devices.get(deviceId);
  }

  /** Takes what a commit has written; those that were not used for longest go. */
  keep(devices: Iterable<DeviceRow>): void {
    for (const device of devices) {
      this.#devices.delete(device.deviceId);
      this.#devices.set(device.deviceId, device);
    }
    for (const deviceId of this.#devices.keys()) {
      if (this.#devices.size <= MAX_KEPT) break;
      this.#devices.delete(deviceId);
    }
  }

  clear(): void {
    this.#devices.clear();
  }
}

/** Devices of one commit: read once, changed in memory, written once. */
export class DeviceRows {
  readonly #kept: KeptDevices;
  readonly #devices = new Map<string, DeviceRow>();
  readonly #changed = new Set<DeviceRow>();

  constructor(kept: KeptDevices) {
    this.#kept = kept;
  }

  /** Reads the devices that exist; the others begin empty. */
  async load(session: Session, deviceIds: ReadonlySet<string>): Promise<void> {
    const missing: string[] = [];
    for (const deviceId of deviceIds) {
      const known = this.#kept.get(deviceId);
      if (known === undefined) missing.push(deviceId);
      else this.#devices.set(deviceId, known);
    }
    if (missing.length === 0) return;
    const rows = await session.query<{ device_id: string; epochs: string; state: Buffer }>(
      'SELECT device_id, epochs, state FROM device WHERE device_id = ANY($1::text[])',
      [textArray(missing)],
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
    this.#changed.add(device);
    return device;
  }

  /** Place of an epoch among those of the device, from 1; added at the end if it is new. */
  epochIndex(device: DeviceRow, epoch: string): number {
    const known = device.epochs.indexOf(epoch);
    return known >= 0 ? known + 1 : device.epochs.push(epoch);
  }

  /** @returns how many devices there are more than before */
  write(session: Session): Promise<number> {
    return writeDeviceRows(session, [...this.#changed]);
  }

  /** To be called when the commit has ended well. */
  keep(): void {
    for (const device of this.#changed) device.isNew = false;
    this.#kept.keep(this.#devices.values());
  }
}

/** `device.epochs`: one line each, for an epoch holds no line feed. */
export function splitEpochs(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}
