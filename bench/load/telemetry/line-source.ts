import { writeZeroPadded } from '../digits.ts';
import { deviceId } from '../event-template.ts';
import { Random } from '../random.ts';
import { type SeriesValues, Walks } from './series-values.ts';

/** The measurement of all lines. */
export const measurement = 'sensors';

/** What a device measures, the fields of its lines. */
export const metricNames = [
  'temperature',
  'humidity',
  'pressure',
  'cpu_load',
  'memory_used',
  'disk_used',
  'battery',
  'signal',
  'voltage',
  'fan_speed',
] as const;

export interface LineSourceOptions {
  readonly devices: number;
  /** Number of the first device; 0 where absent. */
  readonly firstDevice?: number;
  readonly metrics: readonly string[];
  /** Fields of one line; the metrics of a device take as many lines as that needs. */
  readonly fieldsPerLine: number;
  /** Points of one request; a multiple of the number of metrics. */
  readonly batchPoints: number;
  readonly connections: number;
  /** Time of the first points, epoch milliseconds, and the distance of a device's next ones. */
  readonly startMs: number;
  readonly everyMs: number;
  /** Times are off by so many milliseconds at most; 0 where absent. */
  readonly jitterMs?: number;
  /** {@link Walks} where absent; for devices times metrics series, those of a device together. */
  readonly values?: SeriesValues;
  /** Devices come in another random order each time. */
  readonly shuffled?: boolean;
  /** Stop after so many points. */
  readonly points: number;
}

/**
 * Makes `POST /write` requests of Influx line protocol: all devices tell their first points, then their second ones, and
 * so on. All requests have the same length, so that making one is writing digits into the buffer of its connection.
 */
export class LineSource {
  readonly #options: LineSourceOptions;
  readonly #report: ReportTemplate;
  readonly #values: SeriesValues;
  readonly #order: Uint32Array;
  readonly #random = new Random();
  readonly #buffers: Buffer[];
  readonly #bodyAt: number;
  #reports = 0;
  #limit: number;

  constructor(options: LineSourceOptions) {
    const { devices, metrics, batchPoints, connections, points } = options;
    if (batchPoints % metrics.length !== 0) throw new Error('a request holds whole reports of devices');
    this.#options = options;
    this.#limit = points;
    this.#values = options.values ?? new Walks(devices * metrics.length);
    this.#report = new ReportTemplate(metrics, options.fieldsPerLine, this.#values);
    this.#order = Uint32Array.from({ length: devices }, (_, index) => index);
    const bodyLength = (batchPoints / metrics.length) * this.#report.length;
    const head = Buffer.from(
      `POST /write?db=bench&precision=ms HTTP/1.1\r\nhost: bench\r\ncontent-type: text/plain\r\ncontent-length: ${bodyLength}\r\n\r\n`,
      'latin1',
    );
    this.#bodyAt = head.length;
    this.#buffers = Array.from({ length: connections }, () => {
      const buffer = Buffer.allocUnsafeSlow(head.length + bodyLength);
      head.copy(buffer);
      return buffer;
    });
  }

  /** Allows more points, in all: the source goes on where it stopped. */
  extendTo(points: number): void {
    this.#limit = points;
  }

  /** The next request, in the buffer of this connection; null at the end. */
  next(connection: number): Buffer | null {
    const { devices, metrics, batchPoints, startMs, everyMs, firstDevice = 0 } = this.#options;
    if (this.#reports * metrics.length + batchPoints > this.#limit) return null;
    const buffer = this.#buffers[connection]!;
    let at = this.#bodyAt;
    for (let left = batchPoints / metrics.length; left > 0; left--) {
      const place = this.#reports % devices;
      if (place === 0 && this.#options.shuffled === true) this.#random.shuffle(this.#order);
      const device = this.#order[place]!;
      const time = startMs + ((this.#reports - place) / devices) * everyMs;
      this.#report.write(buffer, at, {
        device: firstDevice + device,
        firstSeries: device * metrics.length,
        time: () => time + this.#jitter(),
      });
      at += this.#report.length;
      this.#reports++;
    }
    return buffer;
  }

  /** All requests that are left, made beforehand, so that sending them costs nothing but sending. */
  rest(): Buffer[] {
    const all: Buffer[] = [];
    for (let request = this.next(0); request !== null; request = this.next(0)) all.push(Buffer.from(request));
    return all;
  }

  #jitter(): number {
    const { jitterMs = 0 } = this.#options;
    return jitterMs === 0 ? 0 : this.#random.below(2 * jitterMs + 1) - jitterMs;
  }
}

/** What a report is made of. */
interface Report {
  readonly device: number;
  /** Number of the series of its first metric. */
  readonly firstSeries: number;
  /** Time of the next line, epoch milliseconds. */
  time(): number;
}

/** The lines of one device at one time, with fixed places for what differs. */
class ReportTemplate {
  readonly #bytes: Buffer;
  readonly #values: SeriesValues;
  readonly #devicesAt: readonly number[];
  readonly #valuesAt: readonly number[];
  readonly #timesAt: readonly number[];

  constructor(metrics: readonly string[], fieldsPerLine: number, values: SeriesValues) {
    const value = '#'.repeat(values.width);
    const time = '?'.repeat(13);
    let text = '';
    for (let first = 0; first < metrics.length; first += fieldsPerLine) {
      const fields = metrics.slice(first, first + fieldsPerLine).map((name) => `${name}=${value}`);
      text += `${measurement},device_id=${deviceId(0)} ${fields.join(',')} ${time}\n`;
    }
    this.#bytes = Buffer.from(text, 'latin1');
    this.#values = values;
    this.#devicesAt = placesOf(text, deviceId(0)).map((at) => at + deviceId(0).length - 6);
    this.#valuesAt = placesOf(text, value);
    this.#timesAt = placesOf(text, time);
  }

  get length(): number {
    return this.#bytes.length;
  }

  write(target: Buffer, at: number, { device, firstSeries, time }: Report): void {
    target.set(this.#bytes, at);
    for (const place of this.#devicesAt) writeZeroPadded(target, at + place, device, 6);
    for (let metric = 0; metric < this.#valuesAt.length; metric++) {
      const value = this.#values.next(firstSeries + metric);
      this.#values.write(target, at + this.#valuesAt[metric]!, value);
    }
    for (const place of this.#timesAt) {
      const milliseconds = time();
      const seconds = Math.floor(milliseconds / 1000);
      writeZeroPadded(target, at + place, seconds, 10);
      writeZeroPadded(target, at + place + 10, milliseconds - seconds * 1000, 3);
    }
  }
}

function placesOf(text: string, part: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) places.push(at);
  return places;
}
