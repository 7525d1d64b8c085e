import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** A device of the target while it is being filled. */
export interface TargetDevice {
  readonly number: number;
  readonly deviceId: string;
  /** Names of its epochs as far as events have told them; those between that are not known yet are empty. */
  readonly epochs: string[];
}

/** Numbers of devices and names of epochs, which blocks need, until there are device pages. */
export class CopiedDeviceTable {
  readonly #put: StatementSync;
  readonly #devices: TargetDevice[] = [];
  readonly #byId = new Map<string, TargetDevice>();
  readonly #changed = new Set<TargetDevice>();

  constructor(db: DatabaseSync) {
    this.#put = db.prepare('INSERT OR REPLACE INTO copied_device (number, id, epochs) VALUES (?, ?, ?)');
    const rows = db.prepare('SELECT id, epochs FROM copied_device ORDER BY number').all();
    for (const { id, epochs } of rows as unknown as { id: string; epochs: string }[])
      this.#add(id, epochs === '' ? [] : epochs.split('\n'));
  }

  #add(deviceId: string, epochs: string[]): TargetDevice {
    const device = { number: this.#devices.length, deviceId, epochs };
    this.#devices.push(device);
    this.#byId.set(deviceId, device);
    return device;
  }

  get all(): readonly TargetDevice[] {
    return this.#devices;
  }

  /** The device with this id, made now if there is none. */
  intern(deviceId: string): TargetDevice {
    const known = this.#byId.get(deviceId);
    if (known !== undefined) return known;
    const added = this.#add(deviceId, []);
    this.#changed.add(added);
    return added;
  }

  /** Notes the name of an epoch, given by its index from 1. */
  noteEpoch(device: TargetDevice, epochIndex: number, epoch: string): void {
    if (device.epochs[epochIndex - 1] === epoch) return;
    while (device.epochs.length < epochIndex) device.epochs.push('');
    device.epochs[epochIndex - 1] = epoch;
    this.#changed.add(device);
  }

  /** Writes what is new; within a transaction. */
  write(): void {
    for (const { number, deviceId, epochs } of this.#changed)
      this.#put.run(number, deviceId, epochs.join('\n'));
    this.#changed.clear();
  }
}
