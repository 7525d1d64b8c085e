import type { Parcel, ParcelSource } from './crash-client.ts';
import { metrics, pointLine, pointOf, telemetryDevice, wirePoint } from './fleet/fleet-telemetry.ts';
import type { Ledger, ObservationKey } from './ledger.ts';

/** Points in line protocol, as JSON objects and as columns. The server does not tell new points from those that it knew. */
export class TelemetryParcels implements ParcelSource {
  readonly #ledger: Ledger;
  readonly #most: number;

  /** @param most - no more than so many points are made; after that only old ones are sent again */
  constructor(ledger: Ledger, most: number) {
    this.#ledger = ledger;
    this.#most = most;
  }

  next(): Parcel {
    const draw = Math.random();
    if (draw < 0.3 && this.#ledger.made < this.#most) return this.#columns();
    const keys = this.#keys(1 + Math.floor(Math.random() * 400));
    return draw < 0.65 ? this.#lines(keys) : this.#objects(keys);
  }

  #keys(count: number): ObservationKey[] {
    if (this.#ledger.made >= this.#most) return this.#ledger.old(count);
    return Array.from({ length: count }, () => this.#ledger.make(this.#ledger.anyDevice()));
  }

  #lines(keys: readonly ObservationKey[]): Parcel {
    const path = '/api/v2/write?precision=ms';
    return {
      path,
      text: () => keys.map(({ device, seq }) => pointLine(device, seq)).join('\n'),
      note: ({ status, body }) => {
        if (status === 204) this.#ledger.acknowledge(keys);
        else this.#ledger.violation(`${path} answered ${status} ${JSON.stringify(body)?.slice(0, 300)}`);
      },
    };
  }

  #objects(keys: readonly ObservationKey[]): Parcel {
    const text = (): string => JSON.stringify(keys.map(({ device, seq }) => wirePoint(device, seq)));
    return this.#json(text, keys);
  }

  /** Neighbouring points of one device. */
  #columns(): Parcel {
    const device = this.#ledger.anyDevice();
    const size = 1 + Math.floor(Math.random() * 200);
    const keys = Array.from({ length: size }, () => this.#ledger.make(device));
    const points = keys.map(({ seq }) => pointOf(device, seq));
    const columns = metrics.flatMap((metric) => {
      const own = points.filter((point) => point.metric === metric);
      if (own.length === 0) return [];
      return [[metric, { timestamps: own.map(({ time }) => time), values: own.map(({ value }) => value) }]];
    });
    const text = JSON.stringify({ device_id: telemetryDevice(device), metrics: Object.fromEntries(columns) });
    return this.#json(() => text, keys);
  }

  #json(text: () => string, keys: readonly ObservationKey[]): Parcel {
    const path = '/api/telemetry';
    return {
      path,
      text,
      note: ({ status, body }) => {
        if (status === 200 && body?.['rejected'] === 0 && body['points'] === keys.length)
          this.#ledger.acknowledge(keys);
        else this.#ledger.violation(`${path} answered ${status} ${JSON.stringify(body)?.slice(0, 300)}`);
      },
    };
  }
}
