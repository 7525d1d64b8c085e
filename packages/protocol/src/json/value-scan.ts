const ordinary = 0;
const quote = 1;
const opener = 2;
const closer = 3;
const colon = 4;
const comma = 5;

const closingBrace = 125;

const backslash = 92;
const quoteByte = 34;

/** What each byte means outside a string. */
const meanings = new Uint8Array(256);
meanings[quoteByte] = quote;
meanings['['.charCodeAt(0)] = opener;
meanings['{'.charCodeAt(0)] = opener;
meanings[']'.charCodeAt(0)] = closer;
meanings['}'.charCodeAt(0)] = closer;
meanings[':'.charCodeAt(0)] = colon;
meanings[','.charCodeAt(0)] = comma;

/**
 * Follows one JSON value through its bytes, in as many pieces as they come, and finds where it ends. Knows nothing of
 * grammar: it tells strings from structure, counts nesting and key colons, and notices bytes outside ASCII.
 */
export class ValueScan {
  /** Colons outside strings: in valid JSON, the number of keys, repeated ones included. */
  colons = 0;
  /** Deepest nesting so far; a scalar has 0, `{}` has 1. */
  deepest = 0;
  /** All bytes or-ed together: under 128 exactly when all are ASCII. */
  bits = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** The opening bracket of each level, as far as levels are allowed. */
  readonly #openers: Uint8Array;
  readonly #maxDepth: number;

  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
    this.#openers = new Uint8Array(maxDepth + 1);
  }

  /** True where a bracket or a string is still open. */
  get open(): boolean {
    return this.#depth > 0 || this.#inString;
  }

  get tooDeep(): boolean {
    return this.deepest > this.#maxDepth;
  }

  /** Makes ready for the next value. */
  reset(): void {
    this.colons = 0;
    this.deepest = 0;
    this.bits = 0;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
  }

  /**
   * One loop without calls for strings and plain bytes: most of the bytes of a request pass through here.
   *
   * @returns the place of the first `,` or `]` that does not belong to the value, or `to` where there is none
   */
  advance(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    let bits = 0;
    let colons = 0;
    let inString = this.#inString;
    if (this.#escaped && at < to) {
      this.#escaped = false;
      bits |= bytes[at] as number;
      at += 1;
    }
    while (at < to) {
      let code = bytes[at] as number;
      if (inString) {
        while (code !== quoteByte && code !== backslash && ++at < to) {
          bits |= code;
          code = bytes[at] as number;
        }
        bits |= code;
        if (at >= to) break;
        inString = code !== quoteByte;
        // After a backslash, one byte more: it may be a quote.
        if (inString && ++at === to) this.#escaped = true;
        at += 1;
        continue;
      }
      bits |= code;
      const meaning = meanings[code] as number;
      if (meaning === quote) {
        inString = true;
      } else if (meaning === colon) {
        colons += 1;
      } else if (meaning === opener) {
        this.#open(code);
      } else if (meaning !== ordinary) {
        if (this.#depth === 0) {
          if (code !== closingBrace) break;
        } else if (meaning === closer) {
          this.#close(code);
        }
      }
      at += 1;
    }
    this.bits |= bits;
    this.colons += colons;
    this.#inString = inString;
    return Math.min(at, to);
  }

  #open(code: number): void {
    const depth = this.#depth + 1;
    this.#depth = depth;
    if (depth > this.deepest) this.deepest = depth;
    if (depth <= this.#maxDepth) this.#openers[depth] = code;
  }

  #close(code: number): void {
    // In ASCII each closing bracket is its opening bracket plus 2.
    const depth = this.#depth;
    if (depth > this.#maxDepth || this.#openers[depth] === code - 2) this.#depth = depth - 1;
    else this.#depth = this.#depthAfterWrongCloser(code - 2);
  }

  /** The value is malformed; guess its end so that its neighbours survive: the closer belongs to the next fitting level. */
  #depthAfterWrongCloser(wanted: number): number {
    for (let depth = this.#depth - 1; depth > 0; depth -= 1) {
      if (this.#openers[depth] === wanted) return depth - 1;
    }
    return this.#depth - 1;
  }
}
