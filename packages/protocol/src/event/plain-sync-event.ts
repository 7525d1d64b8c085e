import type { SyncEvent } from '../observation.ts';
import { isDeviceId } from './device-id.ts';
import { explainEpoch, explainEventId } from './sender-identity.ts';
import { camelCase, field, slotCount, wireNames } from './sync-event-fields.ts';
import { parseTimestamp } from './timestamp.ts';

const quote = 34;
const comma = 44;
const dot = 46;
const colon = 58;
const openingBrace = 123;
const closingBrace = 125;
const space = 32;

/** Digits of a number that is read here: any so long fits into a double without loss. */
const maxDigits = 15;
const powersOfTen = Array.from({ length: maxDigits + 1 }, (_, power) => 10 ** power);

interface Name {
  readonly bytes: Uint8Array;
  readonly slot: number;
}

/** Names of the fields that are read here, in both spellings, by their length. */
const namesByLength: readonly (readonly Name[])[] = byLength();

function byLength(): Name[][] {
  const encoder = new TextEncoder();
  const lists: Name[][] = Array.from({ length: 32 }, () => []);
  wireNames.forEach((name, slot) => {
    if (slot === field.metadata) return;
    for (const spelling of new Set([name, camelCase(name)])) {
      lists[spelling.length]?.push({ bytes: encoder.encode(spelling), slot });
    }
  });
  return lists;
}

/**
 * Reads sync events of the usual shape straight from the bytes of a body, at a third of the cost of parsing and decoding
 * and with hardly any garbage. Whatever is unusual (an unknown field or `metadata`, an escape, a character outside of
 * ASCII, `null`, a number in another form, anything wrong) is left to the general way, which alone decides about errors:
 * what is read here is exactly what {@link decodeSyncEvent} would make of it.
 */
export class PlainSyncEvents {
  /** Place behind the closing brace of the event that was read. */
  end = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #text = '';
  #at = 0;
  /** Where the string that was passed last begins and ends, without its quotes. */
  #from = 0;
  #to = 0;
  /** Names in the order of the last event: devices send their fields in one order. */
  readonly #order: Name[] = [];
  readonly #numbers = new Float64Array(slotCount);
  readonly #starts = new Int32Array(slotCount);
  readonly #ends = new Int32Array(slotCount);
  #seen = 0;
  #lastEpoch: string | undefined;

  /**
   * @param bytes - the body, or a part of it that holds the event
   * @param text - the same, one character for each byte
   * @param from - place of the event's opening brace
   * @returns undefined where the event is not of the usual shape or not whole
   */
  read(bytes: Uint8Array, text: string, from: number): SyncEvent | undefined {
    if (bytes[from] !== openingBrace) return undefined;
    this.#bytes = bytes;
    this.#text = text;
    this.#at = from + 1;
    this.#seen = 0;
    for (let place = 0; ; place += 1) {
      const slot = this.#name(place);
      if (slot < 0 || (this.#seen & (1 << slot)) !== 0 || !this.#value(slot)) return undefined;
      this.#seen |= 1 << slot;
      const next = this.#skipSpace();
      this.#at += 1;
      if (next === closingBrace) break;
      if (next !== comma) return undefined;
    }
    this.end = this.#at;
    return this.#event();
  }

  /** The next byte that is no space; tabs and line ends are left to the general way. */
  #skipSpace(): number {
    while (this.#bytes[this.#at] === space) this.#at += 1;
    return this.#bytes[this.#at] ?? -1;
  }

  /** Passes a name and its colon. @returns its field, -1 where it is not one of ours */
  #name(place: number): number {
    if (this.#skipSpace() !== quote || !this.#string()) return -1;
    const from = this.#from;
    const length = this.#to - from;
    if (this.#skipSpace() !== colon) return -1;
    this.#at += 1;
    const expected = this.#order[place];
    if (expected !== undefined && this.#isAt(expected, from, length)) return expected.slot;
    for (const name of namesByLength[length] ?? []) {
      if (!this.#isAt(name, from, length)) continue;
      this.#order[place] = name;
      return name.slot;
    }
    return -1;
  }

  #isAt({ bytes: name }: Name, from: number, length: number): boolean {
    if (name.length !== length) return false;
    for (let index = 0; index < length; index += 1) {
      if (name[index] !== this.#bytes[from + index]) return false;
    }
    return true;
  }

  /** Passes a string of printable ASCII without escapes. */
  #string(): boolean {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    this.#from = at;
    for (; at < bytes.length; at += 1) {
      const code = bytes[at] as number;
      if (code === quote) {
        this.#to = at;
        this.#at = at + 1;
        return true;
      }
      if (code < space || code > 126 || code === 92) return false;
    }
    return false;
  }

  /** Passes a value and notes it: a number as such, a string by its place. */
  #value(slot: number): boolean {
    if (this.#skipSpace() === quote) {
      this.#starts[slot] = this.#at + 1;
      if (!this.#string()) return false;
      this.#ends[slot] = this.#to;
      return true;
    }
    this.#ends[slot] = 0;
    return this.#number(slot);
  }

  /** A number without sign or exponent. One with a fraction is exact: both parts of its quotient are exact doubles. */
  #number(slot: number): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    let value = 0;
    let point = -1;
    let at = start;
    for (; at < bytes.length; at += 1) {
      const code = bytes[at] as number;
      if (code >= 48 && code <= 57) value = value * 10 + code - 48;
      else if (code === dot && point < 0) point = at;
      else break;
    }
    const whole = (point < 0 ? at : point) - start;
    const fraction = point < 0 ? 0 : at - point - 1;
    if (whole === 0 || whole + fraction > maxDigits || (point >= 0 && fraction === 0)) return false;
    if (bytes[start] === 48 && whole > 1) return false;
    this.#numbers[slot] = fraction === 0 ? value : value / (powersOfTen[fraction] as number);
    this.#at = at;
    return true;
  }

  #has(slot: number): boolean {
    return (this.#seen & (1 << slot)) !== 0;
  }

  #isText(slot: number): boolean {
    return (this.#ends[slot] as number) > 0;
  }

  #textOf(slot: number): string | undefined {
    return this.#has(slot) && this.#isText(slot)
      ? this.#text.slice(this.#starts[slot], this.#ends[slot])
      : undefined;
  }

  /** A whole number; null where it is absent, undefined where it is something else. */
  #count(slot: number): number | null | undefined {
    if (!this.#has(slot)) return null;
    const value = this.#numbers[slot] as number;
    return this.#isText(slot) || !Number.isInteger(value) ? undefined : value;
  }

  #time(slot: number): number | null | undefined {
    if (!this.#has(slot)) return null;
    const ms = parseTimestamp(
      this.#isText(slot) ? (this.#textOf(slot) as string) : (this.#numbers[slot] as number),
    );
    return Number.isNaN(ms) ? undefined : ms;
  }

  /** Epochs repeat from item to item: one text for all of a run. */
  #epoch(): string | null | undefined {
    if (!this.#has(field.epoch)) return null;
    const text = this.#textOf(field.epoch);
    if (text === this.#lastEpoch) return this.#lastEpoch;
    if (text === undefined || explainEpoch(text) !== undefined) return undefined;
    this.#lastEpoch = text;
    return text;
  }

  #eventId(): string | null | undefined {
    if (!this.#has(field.eventId)) return null;
    const text = this.#textOf(field.eventId);
    return text === undefined || explainEventId(text) !== undefined ? undefined : text;
  }

  #speed(): number | null | undefined {
    if (!this.#has(field.internetSpeed)) return null;
    return this.#isText(field.internetSpeed) ? undefined : this.#numbers[field.internetSpeed];
  }

  #event(): SyncEvent | undefined {
    if (this.#has(field.kind) && this.#textOf(field.kind) !== 'sync_event') return undefined;
    const deviceId = this.#textOf(field.deviceId);
    const totalFilesSynced = this.#count(field.totalFilesSynced) ?? undefined;
    const totalErrors = this.#count(field.totalErrors) ?? undefined;
    if (deviceId === undefined || totalFilesSynced === undefined || totalErrors === undefined)
      return undefined;
    const seq = this.#count(field.seq);
    const epoch = this.#epoch();
    const eventId = this.#eventId();
    const deviceTime = this.#time(field.timestamp);
    const sentAt = this.#time(field.sentAt);
    const internetSpeed = this.#speed();
    const syncDurationMs = this.#count(field.syncDurationMs);
    const bytesSynced = this.#count(field.bytesSynced);
    if (seq === undefined || epoch === undefined || eventId === undefined || deviceTime === undefined)
      return undefined;
    if (sentAt === undefined || internetSpeed === undefined) return undefined;
    if (syncDurationMs === undefined || bytesSynced === undefined) return undefined;
    if ((seq === null) !== (epoch === null) || !isDeviceId(deviceId)) return undefined;
    return {
      kind: 'sync_event',
      deviceId,
      epoch,
      seq,
      eventId,
      deviceTime,
      sentAt,
      totalFilesSynced,
      totalErrors,
      internetSpeed,
      syncDurationMs,
      bytesSynced,
      metadata: null,
    };
  }
}

const single = new PlainSyncEvents();
const byteText = new TextDecoder('latin1');

/** The event of a body that holds one of the usual shape and nothing else; undefined where the general way must look. */
export function readPlainSyncEvent(body: Uint8Array): SyncEvent | undefined {
  const event = single.read(body, byteText.decode(body), 0);
  return single.end === body.length ? event : undefined;
}
