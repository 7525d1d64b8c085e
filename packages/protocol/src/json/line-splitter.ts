import { type Broken, type ItemReader, maxKeptBytes, type RawItem } from './item-reader.ts';
import { PendingBytes } from './pending-bytes.ts';
import { skipSpace } from './white-space.ts';

const newline = 10;

/** One byte, one character. */
const byteText = new TextDecoder('latin1');

/** Splits NDJSON into its lines; blank lines do not count. No line can harm another one. */
export class LineSplitter {
  broken: Broken | null = null;
  readonly #reader: ItemReader;
  readonly #pending: PendingBytes;

  constructor(reader: ItemReader) {
    this.#reader = reader;
    this.#pending = new PendingBytes(Math.max(reader.limits.maxItemBytes, maxKeptBytes));
  }

  /** @param base - place of `bytes` in the body */
  push(bytes: Uint8Array, base: number, into: RawItem[]): void {
    let at = 0;
    while (at < bytes.length && this.broken === null) {
      const end = bytes.indexOf(newline, at);
      if (end === -1) {
        this.#pending.append(bytes.subarray(at));
        return;
      }
      let line = bytes.subarray(at, end);
      const start = base + at - this.#pending.size;
      if (this.#pending.size > 0) {
        this.#pending.append(line);
        line = this.#pending.take(this.#pending.size);
      }
      this.#line(line, Math.max(line.length, this.#pending.size), start, into);
      this.#pending.clear();
      at = end + 1;
    }
  }

  /** @param size - bytes of the whole body */
  end(size: number, into: RawItem[]): void {
    if (this.broken !== null || this.#pending.size === 0) return;
    const line = this.#pending.take(this.#pending.size);
    const before = into.length;
    this.#line(line, this.#pending.size, size - this.#pending.size, into);
    // An open bracket at the very end is a body that was cut off; any other bad line is only a bad line.
    if (this.broken === null && into.length > before && this.#reader.scan.open) {
      this.broken = { code: 'invalid_json', detail: 'the body ends within its last line', at: size };
    }
  }

  /** @param size - bytes of the line, of which `line` may be only the first */
  #line(line: Uint8Array, size: number, at: number, into: RawItem[]): void {
    const { scan, limits, plain } = this.#reader;
    scan.reset();
    if (skipSpace(line, 0) === line.length && size <= limits.maxItemBytes) return;
    if (this.#reader.full) {
      this.broken = {
        code: 'too_many_items',
        detail: `the body holds more than ${limits.maxItems} items`,
        at,
      };
    } else if (size > limits.maxItemBytes) {
      into.push(this.#reader.tooLarge(line.subarray(0, maxKeptBytes)));
    } else {
      const event = plain?.read(line, byteText.decode(line), 0);
      if (event !== undefined && plain?.end === line.length) {
        into.push(this.#reader.fromEvent(event));
        return;
      }
      scan.advance(line, 0, line.length);
      into.push(this.#reader.fromBytes(line));
    }
  }
}
