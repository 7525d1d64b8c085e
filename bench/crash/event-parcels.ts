import type { Parcel, ParcelSource } from './crash-client.ts';
import {
  deviceKind,
  deviceName,
  epochOf,
  hasTwoEpochs,
  secondEpochFrom,
  wireEvent,
} from './fleet/fleet-events.ts';
import type { Ledger, ObservationKey } from './ledger.ts';

/** Events as singles, arrays and envelopes. */
export class EventParcels implements ParcelSource {
  readonly #ledger: Ledger;
  readonly #most: number;

  /** @param most - no more than so many events are made; after that only old ones are sent again */
  constructor(ledger: Ledger, most: number) {
    this.#ledger = ledger;
    this.#most = most;
  }

  next(): Parcel {
    const draw = Math.random();
    if (this.#ledger.made >= this.#most) return this.#array(this.#ledger.old(100));
    if (draw < 0.25) return this.#single(this.#make());
    if (draw < 0.5) return this.#envelope();
    const size = 1 + Math.floor(Math.random() * 200);
    return this.#array(Array.from({ length: size }, () => this.#make()));
  }

  #single(key: ObservationKey): Parcel {
    return {
      path: '/api/sync-event',
      text: () => JSON.stringify(wireEvent(key.device, key.seq)),
      note: ({ status, body }) => {
        const ok = status === 201 || status === 200;
        this.#ledger.note(key, ok ? body?.['result'] : { status, body });
      },
    };
  }

  #array(keys: readonly ObservationKey[]): Parcel {
    const path = '/api/sync-events';
    return {
      path,
      text: () => JSON.stringify(keys.map(({ device, seq }) => wireEvent(device, seq))),
      note: (reply) => this.#ledger.noteResults(path, keys, reply),
    };
  }

  /** Up to 50 events of one counting device, all of one epoch. */
  #envelope(): Parcel {
    const first = this.#make((device) => deviceKind(device) === 'seq');
    const { device, seq } = first;
    const epoch = epochOf(device, seq);
    const keys = [first];
    const size = Math.floor(Math.random() * 50);
    while (keys.length < size && epochOf(device, this.#ledger.count(device)) === epoch) {
      keys.push(this.#ledger.make(device));
    }
    const path = '/api/batches';
    const text = (): string => {
      const events = keys.map((key) => wireEvent(key.device, key.seq));
      return JSON.stringify({
        device_id: deviceName(device),
        epoch,
        sent_at: new Date().toISOString(),
        observations: events.map(({ device_id: _, epoch: __, ...rest }) => ({ kind: 'sync_event', ...rest })),
      });
    };
    return { path, text, note: (reply) => this.#ledger.noteResults(path, keys, reply) };
  }

  #make(wanted: (device: number) => boolean = () => true): ObservationKey {
    for (;;) {
      const device = this.#ledger.anyDevice();
      if (wanted(device) && this.#maySend(device)) return this.#ledger.make(device);
    }
  }

  /** A device sends under a new epoch only after its old one is known: else the order of epochs would be open. */
  #maySend(device: number): boolean {
    if (!hasTwoEpochs(device) || this.#ledger.count(device) < secondEpochFrom) return true;
    for (let seq = 0; seq < secondEpochFrom; seq++) if (this.#ledger.isAcknowledged(device, seq)) return true;
    return false;
  }
}
