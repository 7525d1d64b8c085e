import { Random } from '../random.ts';

/** Networks of one street, and how far two of them are apart in degrees of latitude: about ten metres. */
const networksPerStreet = 200;
const spacing = 0.0001;
/** Networks that are heard at once. */
const heard = 5;

/** The city that is driven through. */
const city = { south: 48.1, north: 48.3, west: 16.2, east: 16.5 } as const;

/** One network, heard once. */
export interface Sighting {
  readonly network: number;
  /** Epoch seconds, whole. */
  readonly time: number;
  readonly lat: number;
  readonly lon: number;
  readonly signal: number;
}

interface Street {
  readonly lat: number;
  readonly lon: number;
  /** True where it leads north, not east. */
  readonly north: boolean;
}

/**
 * Drives through a city: one street after the other in random order, a network further each second, and each second the
 * five nearest networks are heard. All streets are driven through before one is driven through again, so that a file of
 * five times as many rows as there are networks hears each of them five times.
 */
export class Wardrive {
  readonly #streets: readonly Street[];
  readonly #order: Uint32Array;
  readonly #random = new Random();
  #row = 0;
  #time: number;

  /** @param options.start - epoch seconds of the first second */
  constructor(options: { readonly networks: number; readonly start: number }) {
    const random = this.#random;
    const count = Math.max(1, Math.round(options.networks / networksPerStreet));
    this.#time = options.start;
    this.#order = Uint32Array.from({ length: count }, (_, index) => index);
    this.#streets = Array.from({ length: count }, () => ({
      lat: city.south + random.below(1e6) * 1e-6 * (city.north - city.south),
      lon: city.west + random.below(1e6) * 1e-6 * (city.east - city.west),
      north: random.below(2) === 1,
    }));
  }

  next(): Sighting {
    const inPass = this.#row % (networksPerStreet * heard);
    const pass = (this.#row - inPass) / (networksPerStreet * heard);
    if (inPass === 0 && pass % this.#order.length === 0) this.#random.shuffle(this.#order);
    if (inPass % heard === 0) this.#time++;
    this.#row++;
    const streetNumber = this.#order[pass % this.#order.length]!;
    const street = this.#streets[streetNumber]!;
    const place = (inPass - (inPass % heard)) / heard;
    const away = (inPass % heard) - (heard >> 1);
    const along = place * spacing + this.#random.below(100) * 1e-7;
    return {
      network: streetNumber * networksPerStreet + ((place + away + networksPerStreet) % networksPerStreet),
      time: this.#time,
      lat: street.lat + (street.north ? along : 0),
      lon: street.lon + (street.north ? 0 : along),
      signal: -45 - Math.abs(away) * 12 - this.#random.below(10),
    };
  }
}
