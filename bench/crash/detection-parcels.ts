import type { Parcel, ParcelSource } from './crash-client.ts';
import { countingName, wireCounted, wireDetection } from './fleet/fleet-detections.ts';
import type { Ledger, ObservationKey } from './ledger.ts';

/** Detections in arrays. */
export class DetectionParcels implements ParcelSource {
  readonly #ledger: Ledger;
  readonly #most: number;

  /** @param most - no more than so many are made; after that only old ones are sent again */
  constructor(ledger: Ledger, most: number) {
    this.#ledger = ledger;
    this.#most = most;
  }

  next(): Parcel {
    const keys =
      this.#ledger.made >= this.#most
        ? this.#ledger.old(100)
        : Array.from({ length: 1 + Math.floor(Math.random() * 200) }, () =>
            this.#ledger.make(this.#ledger.anyDevice()),
          );
    const path = '/api/detections';
    return {
      path,
      text: () => JSON.stringify(keys.map(({ device, seq }) => wireDetection(device, seq))),
      note: (reply) => this.#ledger.noteResults(path, keys, reply),
    };
  }
}

/** Telemetry and detections that share one counter, in envelopes. */
export class EnvelopeParcels implements ParcelSource {
  readonly #ledger: Ledger;
  readonly #most: number;

  /** @param most - as for {@link DetectionParcels} */
  constructor(ledger: Ledger, most: number) {
    this.#ledger = ledger;
    this.#most = most;
  }

  next(): Parcel {
    const device = this.#ledger.anyDevice();
    const size = 1 + Math.floor(Math.random() * 100);
    if (this.#ledger.made < this.#most || this.#ledger.count(device) === 0)
      return this.#envelope(Array.from({ length: size }, () => this.#ledger.make(device)));
    const from = Math.floor(Math.random() * this.#ledger.count(device));
    const to = Math.min(this.#ledger.count(device), from + size);
    return this.#envelope(Array.from({ length: to - from }, (_, at) => ({ device, seq: from + at })));
  }

  #envelope(keys: readonly ObservationKey[]): Parcel {
    const path = '/api/batches';
    const text = (): string =>
      JSON.stringify({
        device_id: countingName((keys[0] as ObservationKey).device),
        epoch: 'only',
        sent_at: new Date().toISOString(),
        observations: keys.map(({ device, seq }) => wireCounted(device, seq)),
      });
    return { path, text, note: (reply) => this.#ledger.noteResults(path, keys, reply) };
  }
}
