import { writeInstant, writeZeroPadded } from './digits.ts';
import { eventErrors, eventFiles, eventTime } from './event-template.ts';

/** Makes `POST /api/batches` requests: one device's envelope with several queued events. */
export class HerdTemplate {
  readonly #bytes: Buffer;
  readonly #deviceAt: number;
  readonly #sentAt: number;
  readonly #items: readonly ItemPlaces[];
  readonly #first: number;
  readonly #seqs: readonly number[];

  /**
   * @param options.seqs - counters of the events in this envelope, the same for every device
   * @param options.first - time of a device's event 0, epoch milliseconds
   */
  constructor(options: { readonly epoch: string; readonly seqs: readonly number[]; readonly first: number }) {
    const instant = '0000-00-00T00:00:00.000Z';
    const items = options.seqs.map(
      (seq) =>
        `{"kind":"sync_event","seq":${seq},"timestamp":"${instant}","total_files_synced":###,"total_errors":#,"internet_speed":23.5}`,
    );
    const body = `{"device_id":"pi-dddddd","epoch":"${options.epoch}","sent_at":"${instant}","observations":[${items.join(',')}]}`;
    const text = `POST /api/batches HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    this.#bytes = Buffer.from(text, 'latin1');
    this.#deviceAt = text.indexOf('dddddd');
    this.#sentAt = text.indexOf(instant);
    this.#first = options.first;
    this.#seqs = options.seqs;
    this.#items = itemPlaces(text, this.#sentAt + 24, instant, options.seqs.length);
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Writes the request of one device, sent at `now`, to the beginning of `target`. */
  write(target: Buffer, device: number, now: number): void {
    this.#bytes.copy(target);
    writeZeroPadded(target, this.#deviceAt, device, 6);
    writeInstant(target, this.#sentAt, now);
    this.#items.forEach((places, index) => {
      const seq = this.#seqs[index]!;
      writeInstant(target, places.time, eventTime(this.#first, device, seq));
      writeZeroPadded(target, places.files, eventFiles(device, seq), 3);
      target[places.errors] = 48 + eventErrors(device, seq);
    });
  }
}

interface ItemPlaces {
  readonly time: number;
  readonly files: number;
  readonly errors: number;
}

function itemPlaces(text: string, from: number, instant: string, count: number): ItemPlaces[] {
  const places: ItemPlaces[] = [];
  let at = from;
  for (let index = 0; index < count; index++) {
    const time = text.indexOf(instant, at);
    const files = text.indexOf('###', time);
    const errors = text.indexOf('#,', files + 4);
    places.push({ time, files, errors });
    at = errors;
  }
  return places;
}
