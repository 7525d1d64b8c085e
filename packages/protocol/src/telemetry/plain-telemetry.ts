import { isDeviceId } from '../event/device-id.ts';
import { textFault } from './decode-telemetry.ts';
import { booleanKind, numberKind } from './point-batch.ts';
import type { PointBatchBuilder } from './point-batch-builder.ts';
import { parsePointTime } from './point-time.ts';
import { encodeSeriesKey, explainSeries } from './series-key.ts';

const quote = 34;
const comma = 44;
const minus = 45;
const dot = 46;
const colon = 58;
const openingBrace = 123;
const closingBrace = 125;
const space = 32;

const field = { deviceId: 0, timestamp: 1, metric: 2, value: 3 } as const;
const slotCount = 4;

/** Digits of a number that is read without a text: any so long fits into a double without loss. */
const maxDigits = 15;
const powersOfTen = Float64Array.from({ length: maxDigits + 1 }, (_, power) => 10 ** power);

/** Metrics whose keys are remembered at most, so that hostile ones take no memory. */
const maxMetrics = 1000;

interface Name {
  readonly bytes: Uint8Array;
  readonly slot: number;
}

const encoder = new TextEncoder();
const names: readonly Name[] = [
  { bytes: encoder.encode('device_id'), slot: field.deviceId },
  { bytes: encoder.encode('deviceId'), slot: field.deviceId },
  { bytes: encoder.encode('timestamp'), slot: field.timestamp },
  { bytes: encoder.encode('metric'), slot: field.metric },
  { bytes: encoder.encode('value'), slot: field.value },
];
const trueBytes = encoder.encode('true');
const falseBytes = encoder.encode('false');

/**
 * Reads telemetry objects of the usual shape (`device_id`, `timestamp`, `metric`, `value`, and no more) straight from the
 * bytes of a body. Whatever is unusual (tags, another member, an escape, a character outside of ASCII, `null`, an
 * exponent, anything wrong) is left to the general way, which alone decides about errors: what is read here is exactly
 * what {@link decodeTelemetry} would make of it without an envelope.
 */
export class PlainTelemetry {
  /** Place behind the closing brace of the object that was read. */
  end = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #text = '';
  #at = 0;
  #seen = 0;
  /** Names in the order of the last object: devices send their members in one order. */
  readonly #order: Name[] = [];
  /** Where the strings of the object begin and end, without their quotes; an end of 0 is no string. */
  readonly #starts = new Int32Array(slotCount);
  readonly #ends = new Int32Array(slotCount);
  readonly #numbers = new Float64Array(slotCount);
  #isBoolean = false;
  readonly #keys = new Map<string, string>();
  #deviceId = '';
  #key = '';
  readonly #time = new Float64Array(1);

  /**
   * @param bytes - the body, or a part of it that holds the object
   * @param text - the same, one character for each byte
   * @param from - place of the object's opening brace
   * @returns false where the object is not of the usual shape or not whole; else {@link addTo} adds its point
   */
  read(bytes: Uint8Array, text: string, from: number): boolean {
    if (bytes[from] !== openingBrace) return false;
    this.#bytes = bytes;
    this.#text = text;
    this.#at = from + 1;
    this.#seen = 0;
    this.#isBoolean = false;
    for (let place = 0; ; place += 1) {
      const slot = this.#name(place);
      if (slot < 0 || (this.#seen & (1 << slot)) !== 0 || !this.#value(slot)) return false;
      this.#seen |= 1 << slot;
      const next = this.#skipSpace();
      this.#at += 1;
      if (next === closingBrace) break;
      if (next !== comma) return false;
    }
    this.end = this.#at;
    return this.#checked();
  }

  /** Adds the point of the object that {@link read} took last; one without a timestamp gets `defaultTime`, microseconds. */
  addTo(builder: PointBatchBuilder, defaultTime: number): void {
    const series = builder.seriesIndex(this.#deviceId, this.#key);
    const time = this.#has(field.timestamp) ? (this.#time[0] as number) : defaultTime;
    if (this.#isText(field.value)) builder.addText(series, time, this.#textOf(field.value));
    else {
      const value = this.#numbers[field.value] as number;
      builder.addPoint(series, time, value, this.#isBoolean ? booleanKind : numberKind);
    }
  }

  #checked(): boolean {
    if (!this.#isText(field.deviceId) || !this.#isText(field.metric) || !this.#has(field.value)) return false;
    const deviceId = this.#textOf(field.deviceId);
    if (deviceId !== this.#deviceId && !isDeviceId(deviceId)) return false;
    this.#deviceId = deviceId;
    const key = this.#keyOf(this.#textOf(field.metric));
    if (key === undefined) return false;
    this.#key = key;
    if (this.#isText(field.value) && textFault(this.#textOf(field.value)) !== undefined) return false;
    if (!this.#has(field.timestamp)) return true;
    const time = parsePointTime(
      this.#isText(field.timestamp) ? this.#textOf(field.timestamp) : this.#numbers[field.timestamp],
    );
    this.#time[0] = time;
    return !Number.isNaN(time);
  }

  #keyOf(metric: string): string | undefined {
    const known = this.#keys.get(metric);
    if (known !== undefined) return known;
    const key = encodeSeriesKey(metric, []);
    if (explainSeries(metric, [], key) !== undefined) return undefined;
    if (this.#keys.size === maxMetrics) this.#keys.clear();
    this.#keys.set(metric, key);
    return key;
  }

  #has(slot: number): boolean {
    return (this.#seen & (1 << slot)) !== 0;
  }

  #isText(slot: number): boolean {
    return this.#has(slot) && (this.#ends[slot] as number) > 0;
  }

  #textOf(slot: number): string {
    return this.#text.slice(this.#starts[slot], this.#ends[slot]);
  }

  /** The next byte that is no space; tabs and line ends are left to the general way. */
  #skipSpace(): number {
    while (this.#bytes[this.#at] === space) this.#at += 1;
    return this.#bytes[this.#at] ?? -1;
  }

  /** Passes a name and its colon. @returns its slot, -1 where it is not one of ours */
  #name(place: number): number {
    if (this.#skipSpace() !== quote) return -1;
    const from = this.#at + 1;
    let name = this.#order[place];
    if (
      name === undefined ||
      !this.#isAt(name.bytes, from) ||
      this.#bytes[from + name.bytes.length] !== quote
    ) {
      name = names.find(({ bytes }) => this.#isAt(bytes, from) && this.#bytes[from + bytes.length] === quote);
      if (name === undefined) return -1;
      this.#order[place] = name;
    }
    this.#at = from + name.bytes.length + 1;
    if (this.#skipSpace() !== colon) return -1;
    this.#at += 1;
    return name.slot;
  }

  #isAt(name: Uint8Array, from: number): boolean {
    for (let index = 0; index < name.length; index += 1) {
      if (name[index] !== this.#bytes[from + index]) return false;
    }
    return true;
  }

  /** Passes a value and notes it: a number or boolean as such, a string by its place. */
  #value(slot: number): boolean {
    const first = this.#skipSpace();
    if (first === quote) return this.#string(slot);
    this.#ends[slot] = 0;
    if (slot !== field.value || first < 58) return this.#number(slot);
    this.#isBoolean = true;
    return this.#word(trueBytes, 1) || this.#word(falseBytes, 0);
  }

  #word(word: Uint8Array, value: number): boolean {
    if (!this.#isAt(word, this.#at)) return false;
    this.#numbers[field.value] = value;
    this.#at += word.length;
    return true;
  }

  /** Passes a string of printable ASCII without escapes. */
  #string(slot: number): boolean {
    const bytes = this.#bytes;
    const from = this.#at + 1;
    for (let at = from; at < bytes.length; at += 1) {
      const code = bytes[at] as number;
      if (code === quote) {
        this.#starts[slot] = from;
        this.#ends[slot] = at;
        this.#at = at + 1;
        return true;
      }
      if (code < space || code > 126 || code === 92) return false;
    }
    return false;
  }

  /** A number as JSON has it, without an exponent. */
  #number(slot: number): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    const first = bytes[start] === minus ? start + 1 : start;
    let mantissa = 0;
    let point = -1;
    let at = first;
    for (; at < bytes.length; at += 1) {
      const code = bytes[at] as number;
      if (code >= 48 && code <= 57) mantissa = mantissa * 10 + code - 48;
      else if (code === dot && point < 0) point = at;
      else break;
    }
    const whole = (point < 0 ? at : point) - first;
    const fraction = point < 0 ? 0 : at - point - 1;
    if (whole === 0 || (point >= 0 && fraction === 0) || (bytes[first] === 48 && whole > 1)) return false;
    // An exponent, or anything else that goes on, fails at the comma or brace that must follow.
    let value: number;
    if (whole + fraction > maxDigits) {
      value = Number(this.#text.slice(first, at));
      if (!Number.isFinite(value)) return false;
    } else {
      value = fraction === 0 ? mantissa : mantissa / (powersOfTen[fraction] as number);
    }
    this.#numbers[slot] = first === start ? value : -value;
    this.#at = at;
    return true;
  }
}
