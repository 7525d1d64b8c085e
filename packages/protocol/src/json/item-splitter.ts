import { ArraySplitter } from './array-splitter.ts';
import {
  type Broken,
  decodeUtf8,
  ItemReader,
  maxKeptBytes,
  type RawItem,
  type SplitLimits,
} from './item-reader.ts';
import { LineSplitter } from './line-splitter.ts';
import { parseJson } from './parse-json.ts';
import { PendingBytes } from './pending-bytes.ts';
import { skipSpace } from './white-space.ts';

/** How a body holds its items; `auto` tells by the first byte: `[` is an array, `{` one object or NDJSON. */
export type ItemFormat = 'array' | 'ndjson' | 'auto';

/** What an {@link ItemSplitter} is made with. */
export interface SplitOptions extends SplitLimits {
  readonly format: ItemFormat;
  /** True where the items are sync events: those of the usual shape are then decoded on the way, which costs a third. */
  readonly decodePlain?: boolean;
}

/** What the end of a body brings. */
export interface SplitEnd {
  /** Items that only the end completed. */
  readonly items: RawItem[];
  /** Why the body could not be read to its end; null where it could. */
  readonly broken: Broken | null;
}

const openingBracket = 91;
const openingBrace = 123;
const newline = 10;
const noBytes = new Uint8Array(0);

/**
 * Splits a body of many items, JSON array or NDJSON, while its bytes arrive; chunks may end anywhere.
 *
 * One bad item never harms the others: it comes with its `problem`, and so do items over the limits of size and depth,
 * items with a key given twice and items that are not valid UTF-8. A byte order mark, CRLF and blank lines are taken.
 * Holds at most one item (`maxItemBytes`, or 64 KiB where that is less) besides the chunk at hand.
 *
 * Once {@link broken} is set, the rest of the body is ignored and reading on is of no use.
 */
export class ItemSplitter {
  readonly #format: ItemFormat;
  readonly #reader: ItemReader;
  #items: ArraySplitter | LineSplitter | undefined;
  /** The first bytes, until the format is known. */
  readonly #head: PendingBytes;
  #markPassed = false;
  /** The body begins with `{` and may be one object or NDJSON. */
  #object: 'no' | 'first line' | 'more lines' = 'no';
  #broken: Broken | null = null;
  /** Bytes that came so far. */
  #size = 0;

  constructor(options: SplitOptions) {
    this.#format = options.format;
    this.#reader = new ItemReader(options, options.decodePlain === true);
    this.#head = new PendingBytes(Number.POSITIVE_INFINITY);
  }

  /** Why the body cannot be read any further, null while it can. */
  get broken(): Broken | null {
    return this.#broken ?? this.#items?.broken ?? null;
  }

  /** @returns the items that `chunk` completed, in order */
  push(chunk: Uint8Array): RawItem[] {
    const items: RawItem[] = [];
    if (this.broken !== null) return items;
    this.#size += chunk.length;
    if (this.#items !== undefined) this.#items.push(chunk, this.#size - chunk.length, items);
    else if (this.#object === 'no') this.#pushHead(chunk, items, false);
    else this.#pushObject(chunk, items);
    return items;
  }

  /** Call once, after the last `push`. */
  end(): SplitEnd {
    const items: RawItem[] = [];
    if (this.broken === null && this.#items === undefined) {
      if (this.#object === 'no') this.#pushHead(noBytes, items, true);
      if (this.#object !== 'no' && this.broken === null) this.#endObject(items);
    }
    this.#items?.end(this.#size, items);
    if (this.broken === null && this.#items === undefined && this.#object === 'no') {
      this.#break('empty_body', 'the body holds no items; send a JSON array or NDJSON', this.#size);
    }
    return { items, broken: this.broken };
  }

  #break(code: Broken['code'], detail: string, at: number): void {
    this.#broken = { code, detail, at };
  }

  /** Looks for the first significant byte, which tells the format. */
  #pushHead(chunk: Uint8Array, into: RawItem[], last: boolean): void {
    this.#head.append(chunk);
    let bytes = this.#head.take(this.#head.size);
    if (!this.#markPassed) {
      if (bytes.length < 3 && !last) return;
      this.#markPassed = true;
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    }
    bytes = bytes.slice(skipSpace(bytes, 0));
    this.#head.clear();
    if (bytes.length > 0) this.#begin(bytes, into);
  }

  /** @param bytes - the body from its first significant byte on, as far as it came */
  #begin(bytes: Uint8Array, into: RawItem[]): void {
    const base = this.#size - bytes.length;
    if (this.#format === 'ndjson') {
      this.#splitLines(bytes, into);
    } else if (bytes[0] === openingBracket) {
      this.#items = new ArraySplitter(this.#reader);
      this.#items.push(bytes.subarray(1), base + 1, into);
    } else if (this.#format === 'auto' && bytes[0] === openingBrace) {
      this.#object = 'first line';
      this.#pushObject(bytes, into);
    } else {
      const wanted = this.#format === 'array' ? 'a JSON array' : 'a JSON array, a JSON object or NDJSON';
      this.#break('invalid_json', `the body does not begin as ${wanted}`, base);
    }
  }

  #splitLines(bytes: Uint8Array, into: RawItem[]): void {
    this.#items = new LineSplitter(this.#reader);
    this.#items.push(bytes, this.#size - bytes.length, into);
  }

  /** Tells one object, which may span lines, from NDJSON: there, the first line is a value of its own. */
  #pushObject(chunk: Uint8Array, into: RawItem[]): void {
    this.#head.append(chunk);
    const bytes = this.#head.take(this.#head.size);
    // Decided by as much as one item may be, and one byte: what the packet brings besides must make no difference.
    const { maxItemBytes } = this.#reader.limits;
    const start = bytes.subarray(0, maxItemBytes + 1);
    if (this.#object === 'first line' && start.includes(newline)) {
      if (isValue(start.subarray(0, start.indexOf(newline)))) {
        this.#splitLines(bytes, into);
        return;
      }
      this.#object = 'more lines';
    }
    if (bytes.length <= maxItemBytes) return;
    if (this.#object === 'first line' || looksLikeLines(start)) {
      this.#splitLines(bytes, into);
      return;
    }
    into.push(this.#reader.tooLarge(start.subarray(0, maxKeptBytes)));
    const at = this.#size - bytes.length + start.length;
    this.#break('item_too_large', 'the body is one object that is larger than an item may be', at);
  }

  #endObject(into: RawItem[]): void {
    const bytes = this.#head.take(this.#head.size);
    const { scan } = this.#reader;
    if (this.#object === 'first line' || (!isValue(bytes) && looksLikeLines(bytes))) {
      this.#splitLines(bytes, into);
      return;
    }
    scan.reset();
    scan.advance(bytes, 0, bytes.length);
    into.push(scan.open ? this.#reader.cutOff(bytes, false) : this.#reader.fromBytes(bytes));
    if (scan.open) this.#break('invalid_json', 'the body ends before the object is closed', this.#size);
  }
}

function isValue(bytes: Uint8Array): boolean {
  try {
    parseJson(decodeUtf8(bytes).text);
    return true;
  } catch {
    return false;
  }
}

/** True where a later line begins with `{`, as lines of NDJSON do and those of an indented object do not. */
function looksLikeLines(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) {
    if (bytes[at + 1] === openingBrace) return true;
  }
  return false;
}
