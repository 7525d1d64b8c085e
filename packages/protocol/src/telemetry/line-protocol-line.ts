/** Types of field values as line protocol tells them apart. */
export type LineFieldType = 'float' | 'integer' | 'unsigned' | 'boolean' | 'text';

/** A field of a line, unescaped and checked for its form, not for its range. */
export interface LineField {
  readonly name: string;
  readonly type: LineFieldType;
  /** Digits of a number without the suffix, `true` or `false`, or the text itself. */
  readonly value: string;
}

/** One line of line protocol v1 as it stands, before PiSync makes devices and metrics of it. */
export interface Line {
  readonly measurement: string;
  /** In the order of the line; no name twice. */
  readonly tags: readonly (readonly [name: string, value: string])[];
  /** At least one. */
  readonly fields: readonly LineField[];
  /** Digits with an optional minus, in the precision of the request; null where the line has no time. */
  readonly time: string | null;
  /** Where the measurement and tags end, and each field's name begins and ends, in characters of the text. */
  readonly headEnd: number;
  readonly names: readonly number[];
}

/** Why a text is no line; a position counts characters from 0. */
export class LineFault {
  readonly at: number;
  readonly detail: string;

  constructor(at: number, detail: string) {
    this.at = at;
    this.detail = detail;
  }
}

const newline = 10;
const carriageReturn = 13;
const space = 32;
const quote = 34;
const hash = 35;
const comma = 44;
const equals = 61;
const backslash = 92;

/** Sets of characters as bits, for the ASCII part; all others belong to names and values. */
const endsName = 1;
const endsTagValue = 2;
const endsMeasurement = 4;
const endsFieldValue = 8;
const sets = new Uint8Array(128);
for (let code = 0; code < 128; code += 1) {
  const control = code < space || code === 127;
  const lineEnd = code === newline || code === carriageReturn;
  if (control || code === space || code === comma || code === equals) sets[code] = endsName;
  if (control || code === space || code === comma) sets[code] = (sets[code] as number) | endsMeasurement;
  if (lineEnd || code === space || code === comma || code === equals)
    sets[code] = (sets[code] as number) | endsTagValue;
  if (lineEnd || code === space || code === comma) sets[code] = (sets[code] as number) | endsFieldValue;
}

const floatForm = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const integerForm = /^-?\d+$/;
const unsignedForm = /^\d+$/;
const timeForm = /^-?\d+$/;

const booleans: ReadonlyMap<string, string> = new Map(
  ['t', 'T', 'true', 'True', 'TRUE', 'f', 'F', 'false', 'False', 'FALSE'].map((word) => [
    word,
    word[0]?.toLowerCase() === 't' ? 'true' : 'false',
  ]),
);

/** Reads one line; made anew for each. */
class LineParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Line {
    while (this.#peek() === space) this.#at += 1;
    const measurement = this.#token(endsMeasurement, false);
    if (measurement === '') throw this.#fault('begins with a character that no measurement begins with');
    const tags: [string, string][] = [];
    while (this.#peek() === comma) {
      this.#at += 1;
      tags.push(this.#tag(tags));
    }
    const headEnd = this.#at;
    if (this.#peek() !== space) {
      throw this.#fault(
        Number.isNaN(this.#peek()) ? 'ends where fields should follow' : 'needs a space before its fields',
      );
    }
    this.#skipSpaces();
    const fields: LineField[] = [];
    const names: number[] = [];
    for (;;) {
      fields.push(this.#field(names));
      if (this.#peek() !== comma) break;
      this.#at += 1;
    }
    return { measurement, tags, fields, time: this.#time(), headEnd, names };
  }

  #peek(): number {
    return this.#text.charCodeAt(this.#at);
  }

  #fault(detail: string): LineFault {
    return new LineFault(this.#at, detail);
  }

  #skipSpaces(): void {
    while (this.#peek() === space) this.#at += 1;
  }

  /** A name or value up to a character of the set; a backslash takes the meaning of a separator behind it. */
  #token(set: number, equalsToo: boolean): string {
    const text = this.#text;
    let token = '';
    let from = this.#at;
    let at = from;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code < 128 && ((sets[code] as number) & set) !== 0) break;
      if (code !== backslash) continue;
      const next = text.charCodeAt(at + 1);
      if (next !== space && next !== comma && !(equalsToo && next === equals)) continue;
      token += text.slice(from, at);
      at += 1;
      from = at;
    }
    this.#at = at;
    return token + text.slice(from, at);
  }

  #tag(before: readonly [string, string][]): [string, string] {
    const start = this.#at;
    const name = this.#token(endsName, true);
    if (name === '') throw this.#fault('has a comma that no tag follows; escape it, or send name=value');
    if (this.#peek() !== equals) throw this.#fault(`has no = after the tag ${shown(name)}`);
    this.#at += 1;
    const value = this.#token(endsTagValue, true);
    if (value === '') throw this.#fault(`has no value for the tag ${shown(name)}`);
    if (before.some(([other]) => other === name)) {
      throw new LineFault(start, `has the tag ${shown(name)} twice; send it once`);
    }
    return [name, value];
  }

  #field(names: number[]): LineField {
    const start = this.#at;
    const name = this.#token(endsName, true);
    if (name === '') throw this.#fault('lacks a field; send name=value');
    if (this.#peek() !== equals) throw this.#fault(`has no = after the field ${shown(name)}`);
    names.push(start, this.#at);
    this.#at += 1;
    const code = this.#peek();
    if (code === quote) return { name, type: 'text', value: this.#quoted(name) };
    const from = this.#at;
    let at = from;
    for (; at < this.#text.length; at += 1) {
      const next = this.#text.charCodeAt(at);
      if (next < 128 && ((sets[next] as number) & endsFieldValue) !== 0) break;
    }
    const value = fieldValue(name, this.#text.slice(from, at));
    if (value === undefined) {
      throw this.#fault(
        `has a value of the field ${shown(name)} that is neither a number, a boolean nor text in quotes`,
      );
    }
    this.#at = at;
    return value;
  }

  #quoted(name: string): string {
    const text = this.#text;
    let value = '';
    let from = this.#at + 1;
    let at = from;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === quote) break;
      if (code !== backslash) continue;
      const next = text.charCodeAt(at + 1);
      if (next !== quote && next !== backslash) continue;
      value += text.slice(from, at);
      at += 1;
      from = at;
    }
    if (at >= text.length) throw this.#fault(`has no closing quote for the text of the field ${shown(name)}`);
    this.#at = at + 1;
    return value + text.slice(from, at);
  }

  #time(): string | null {
    let time: string | null = null;
    if (this.#peek() === space) {
      this.#skipSpaces();
      const from = this.#at;
      while (this.#at < this.#text.length && this.#peek() !== space && !this.#isLineEnd()) this.#at += 1;
      const token = this.#text.slice(from, this.#at);
      if (token !== '') {
        if (!timeForm.test(token))
          throw new LineFault(from, `has ${shown(token)} where its time should stand`);
        time = token;
        this.#skipSpaces();
      }
    }
    if (this.#at < this.#text.length && !this.#isLineEnd()) {
      throw this.#fault(
        time === null ? 'has something else than , or a space after a field' : 'goes on after its time',
      );
    }
    return time;
  }

  /** True at a carriage return that ends the text: the line feed has been cut off. */
  #isLineEnd(): boolean {
    return this.#peek() === carriageReturn && this.#at + 1 === this.#text.length;
  }
}

/** The field with this value, undefined where it has no form of a value. */
function fieldValue(name: string, text: string): LineField | undefined {
  const last = text.charCodeAt(text.length - 1);
  if (last === 105 && integerForm.test(text.slice(0, -1))) {
    return { name, type: 'integer', value: text.slice(0, -1) };
  }
  if (last === 117 && unsignedForm.test(text.slice(0, -1))) {
    return { name, type: 'unsigned', value: text.slice(0, -1) };
  }
  if (floatForm.test(text)) return { name, type: 'float', value: text };
  const boolean = booleans.get(text);
  return boolean === undefined ? undefined : { name, type: 'boolean', value: boolean };
}

/** Hostile text as JSON text of at most about 40 characters. */
function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/**
 * Parses one line of Influx line protocol v1, without its line feed; a carriage return at its end is passed over.
 * Measurement, tags, fields and time are exactly what the sender meant; what PiSync makes of them is another step.
 *
 * @returns null for a blank line or a comment
 * @throws {LineFault} where the text is none of these
 */
export function parseLine(text: string): Line | null {
  let at = 0;
  while (text.charCodeAt(at) === space) at += 1;
  if (at === text.length || (at + 1 === text.length && text.charCodeAt(at) === carriageReturn)) return null;
  if (text.charCodeAt(at) !== hash) return new LineParser(text).parse();
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if ((code < space && !(code === carriageReturn && at + 1 === text.length)) || code === 127) {
      throw new LineFault(at, 'is a comment with a control character');
    }
  }
  return null;
}

/**
 * Where the line that begins at `from` ends: the place of its line feed, or `bytes.length` where the bytes end before
 * it. A line feed within quotes belongs to the text of a field, as long as the quotes are closed.
 */
export function findLineEnd(bytes: Uint8Array, from: number): number {
  const end = bytes.length;
  let at = from;
  while (bytes[at] === space) at += 1;
  const plain = bytes[at] === hash;
  let inHead = true;
  for (; at < end; at += 1) {
    const code = bytes[at] as number;
    if (code === newline) return at;
    if (plain) continue;
    if (code === backslash) {
      const next = bytes[at + 1];
      if (next === space || next === comma || next === equals) at += 1;
    } else if (code === space) {
      inHead = false;
    } else if (code === equals && !inHead && bytes[at + 1] === quote) {
      at = closingQuote(bytes, at + 2);
    }
  }
  return end;
}

function closingQuote(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at += 1) {
    const code = bytes[at] as number;
    if (code === quote) return at;
    if (code === backslash && (bytes[at + 1] === quote || bytes[at + 1] === backslash)) at += 1;
  }
  return bytes.length;
}
