import { type Broken, type ItemReader, maxKeptBytes, type RawItem } from './item-reader.ts';
import { PendingBytes } from './pending-bytes.ts';
import { skipSpace } from './white-space.ts';

const closingBracket = 93;
const comma = 44;

/** One byte, one character: places in the text are places in the bytes. Right for ASCII, which is all it is used for. */
const byteText = new TextDecoder('latin1');

/** True where an item's neighbour or the array's end follows at once. */
function isEnd(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === comma || bytes[at] === closingBracket;
}

/** Splits what follows the `[` of a JSON array into its items. */
export class ArraySplitter {
  broken: Broken | null = null;
  readonly #reader: ItemReader;
  readonly #pending: PendingBytes;
  #state: 'first' | 'before' | 'within' | 'after' = 'first';

  constructor(reader: ItemReader) {
    this.#reader = reader;
    this.#pending = new PendingBytes(Math.max(reader.limits.maxItemBytes, maxKeptBytes));
  }

  /** @param base - place of `bytes` in the body */
  push(bytes: Uint8Array, base: number, into: RawItem[]): void {
    const { plain } = this.#reader;
    let text: string | undefined;
    let at = 0;
    while (at < bytes.length && this.broken === null) {
      if (this.#state !== 'within') {
        at = this.#begin(bytes, at, base);
        continue;
      }
      if (plain !== undefined && this.#pending.size === 0) {
        text ??= byteText.decode(bytes);
        const event = plain.read(bytes, text, at);
        if (
          event !== undefined &&
          isEnd(bytes, plain.end) &&
          plain.end - at <= this.#reader.limits.maxItemBytes
        ) {
          into.push(this.#reader.fromEvent(event));
          this.#state = bytes[plain.end] === closingBracket ? 'after' : 'before';
          at = plain.end + 1;
          continue;
        }
      }
      const end = this.#reader.scan.advance(bytes, at, bytes.length);
      if (end === bytes.length) {
        this.#pending.append(bytes.subarray(at));
        return;
      }
      if (this.#pending.size > 0 || end - at > this.#reader.limits.maxItemBytes) {
        into.push(this.#gathered(bytes.subarray(at, end)));
      } else if (this.#reader.scan.bits < 128) {
        text ??= byteText.decode(bytes);
        into.push(this.#reader.fromText(text.slice(at, end)));
      } else {
        into.push(this.#reader.fromBytes(bytes.subarray(at, end)));
      }
      this.#state = bytes[end] === closingBracket ? 'after' : 'before';
      at = end + 1;
    }
  }

  /** @param size - bytes of the whole body */
  end(size: number, into: RawItem[]): void {
    if (this.broken !== null || this.#state === 'after') return;
    const rest = this.#pending.take(maxKeptBytes);
    if (this.#state === 'within') into.push(this.#last(rest));
    this.broken = { code: 'invalid_json', detail: 'the body ends before the array is closed', at: size };
  }

  /** Passes what stands between items; the state is `within` where an item begins at the returned place. */
  #begin(bytes: Uint8Array, from: number, base: number): number {
    const at = skipSpace(bytes, from);
    if (at === bytes.length) return at;
    if (this.#state === 'after') {
      this.broken = {
        code: 'invalid_json',
        detail: 'the body goes on after the end of the array',
        at: base + at,
      };
    } else if (this.#state === 'first' && bytes[at] === closingBracket) {
      this.#state = 'after';
      return at + 1;
    } else if (this.#reader.full) {
      const detail = `the body holds more than ${this.#reader.limits.maxItems} items`;
      this.broken = { code: 'too_many_items', detail, at: base + at };
    } else {
      this.#state = 'within';
      this.#reader.scan.reset();
      this.#pending.clear();
    }
    return at;
  }

  #gathered(lastPiece: Uint8Array): RawItem {
    this.#pending.append(lastPiece);
    const tooLarge = this.#pending.size > this.#reader.limits.maxItemBytes;
    const item = tooLarge
      ? this.#reader.tooLarge(this.#pending.take(maxKeptBytes))
      : this.#reader.fromBytes(this.#pending.take(this.#pending.size));
    this.#pending.clear();
    return item;
  }

  /** The item at which the body ended: whole where its last bracket was closed. */
  #last(rest: Uint8Array): RawItem {
    const closed = !this.#reader.scan.open && this.#reader.scan.deepest > 0;
    if (closed || this.#pending.size > this.#reader.limits.maxItemBytes)
      return this.#gathered(new Uint8Array(0));
    return this.#reader.cutOff(rest, this.#pending.size > rest.length);
  }
}
