import { type EventTemplate, eventTemplate, firstEventTime, type Identity } from './event-template.ts';
import { Random } from './random.ts';

/** Events 500 to a request from devices in random order: the worst case of a fleet for anything kept by device. */
export interface BatchSourceOptions {
  readonly devices: number;
  readonly batchSize: number;
  readonly identity: Identity;
  readonly epoch: string;
  readonly connections: number;
  /** Stop after so many events; a multiple of `batchSize`. */
  readonly events: number;
}

/**
 * Makes `POST /api/sync-events` requests. All devices send their event 0 in a random order, then their event 1 in
 * another one, and so on: every event is unique, every device's counter has no gap, no two neighbours are of one
 * device. Each connection has one buffer that is written anew for each request, at about 0.1 µs an event.
 */
export class BatchSource {
  readonly #options: BatchSourceOptions;
  readonly #template: EventTemplate;
  readonly #order: Uint32Array;
  readonly #buffers: Buffer[];
  readonly #bodyAt: number;
  readonly #random = new Random();
  #produced = 0;
  #limit: number;

  constructor(options: BatchSourceOptions) {
    this.#options = options;
    this.#limit = options.events;
    const { identity, epoch, batchSize, devices } = options;
    this.#template = eventTemplate({ identity, epoch, first: firstEventTime(Date.now()) });
    this.#order = Uint32Array.from({ length: devices }, (_, index) => index);
    const bodyLength = 1 + batchSize * (this.#template.bytes.length + 1);
    const head = Buffer.from(
      `POST /api/sync-events HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${bodyLength}\r\n\r\n`,
      'latin1',
    );
    this.#bodyAt = head.length;
    this.#buffers = Array.from({ length: options.connections }, () => {
      const buffer = Buffer.allocUnsafeSlow(head.length + bodyLength);
      head.copy(buffer);
      return buffer;
    });
  }

  /** Events handed out so far. */
  get produced(): number {
    return this.#produced;
  }

  /** Allows more events, in all: the source goes on where it stopped, with the same devices and counters. */
  extendTo(events: number): void {
    this.#limit = events;
  }

  /** The next request, in the buffer of this connection; null at the end. */
  next(connection: number): Buffer | null {
    const { batchSize, devices } = this.#options;
    if (this.#produced + batchSize > this.#limit) return null;
    const buffer = this.#buffers[connection]!;
    const length = this.#template.bytes.length;
    let at = this.#bodyAt;
    for (let item = 0; item < batchSize; item++) {
      const place = this.#produced % devices;
      if (place === 0) this.#random.shuffle(this.#order);
      buffer[at] = item === 0 ? 91 : 44;
      const seq = (this.#produced - place) / devices;
      this.#template.write(buffer, at + 1, this.#order[place]!, seq);
      at += length + 1;
      this.#produced++;
    }
    buffer[at] = 93;
    return buffer;
  }
}

const storedMark = Buffer.from('"stored":');

/** Number of stored items that the reply of a batch names, -1 where it names none. */
export function storedCount(body: Buffer): number {
  const at = body.indexOf(storedMark);
  if (at < 0) return -1;
  let value = 0;
  for (let place = at + storedMark.length; place < body.length; place++) {
    const digit = body[place]! - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}
