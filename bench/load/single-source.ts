import { type EventTemplate, eventTemplate, firstEventTime } from './event-template.ts';

/**
 * Makes `POST /api/sync-event` requests, each with a unique event with `epoch` and `seq`: request n is from device
 * n · 7919 modulo the number of devices, so that all devices send in turn and neighbours are far apart. The Lua
 * script for wrk makes the same events.
 */
export class SingleSource {
  readonly #template: EventTemplate;
  readonly #buffers: Buffer[];
  readonly #bodyAt: number;
  readonly #devices: number;
  #number: number;

  /** @param options.start - number of the first request: where an earlier source of the same epoch stopped */
  constructor(options: {
    readonly devices: number;
    readonly epoch: string;
    readonly connections: number;
    readonly start?: number;
  }) {
    this.#devices = options.devices;
    this.#number = options.start ?? 0;
    this.#template = eventTemplate({
      identity: 'seq',
      epoch: options.epoch,
      first: firstEventTime(Date.now()),
    });
    const head = Buffer.from(
      `POST /api/sync-event HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${this.#template.bytes.length}\r\n\r\n`,
      'latin1',
    );
    this.#bodyAt = head.length;
    this.#buffers = Array.from({ length: options.connections }, () => {
      const buffer = Buffer.allocUnsafeSlow(head.length + this.#template.bytes.length);
      head.copy(buffer);
      return buffer;
    });
  }

  /** Number of the next request. */
  get number(): number {
    return this.#number;
  }

  /** The next request, in the buffer of this connection. */
  next(connection: number): Buffer {
    const buffer = this.#buffers[connection]!;
    const device = (this.#number * 7919) % this.#devices;
    const seq = Math.floor(this.#number / this.#devices);
    this.#template.write(buffer, this.#bodyAt, device, seq);
    this.#number++;
    return buffer;
  }
}
