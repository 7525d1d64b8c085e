import type { Observation } from '@pisync/protocol';
import { deviceId, eventErrors, eventFiles, eventTime, firstEventTime } from './event-template.ts';
import { Random } from './random.ts';

/**
 * The events of {@link import('./batch-source.ts').BatchSource} as a store is handed them: in round r every device's event r,
 * all devices in an order of their own.
 */
export class EventRounds {
  readonly #devices: number;
  readonly #order: Uint32Array;
  readonly #first = firstEventTime(Date.now());
  readonly #random = new Random();
  #round = 0;

  constructor(devices: number) {
    this.#devices = devices;
    this.#order = Uint32Array.from({ length: devices }, (_, device) => device);
  }

  /** The next round, cut into batches. */
  next(batchSize: number): Observation[][] {
    this.#random.shuffle(this.#order);
    const seq = this.#round++;
    const receivedAt = Date.now();
    const batches: Observation[][] = [];
    for (let from = 0; from < this.#devices; from += batchSize) {
      const devices = this.#order.subarray(from, from + batchSize);
      batches.push(Array.from(devices, (device) => this.#event(device, seq, receivedAt)));
    }
    return batches;
  }

  #event(device: number, seq: number, receivedAt: number): Observation {
    const timestamp = eventTime(this.#first, device, seq);
    return {
      kind: 'sync_event',
      deviceId: deviceId(device),
      epoch: 'bench',
      seq,
      eventId: null,
      deviceTime: timestamp,
      sentAt: null,
      totalFilesSynced: eventFiles(device, seq),
      totalErrors: eventErrors(device, seq),
      internetSpeed: 23.5,
      syncDurationMs: null,
      bytesSynced: null,
      metadata: null,
      receivedAt,
      timestamp,
      clockQuality: 'ok',
    };
  }
}
