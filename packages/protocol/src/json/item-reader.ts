import type { ErrorCode } from '../errors.ts';
import { type ItemProblem, readableDeviceId } from '../event/decode-sync-event.ts';
import { PlainSyncEvents } from '../event/plain-sync-event.ts';
import type { SyncEvent } from '../observation.ts';
import { countKeys, findDuplicateKey } from './duplicate-keys.ts';
import { parseJson } from './parse-json.ts';
import { ValueScan } from './value-scan.ts';

/** Most of a rejected item's text that is kept, in bytes. */
export const maxKeptBytes = 65_536;

/** Limits of a body of many items. */
export interface SplitLimits {
  readonly maxItems: number;
  /** Bytes of one item's text. */
  readonly maxItemBytes: number;
  /** Deepest nesting of one item; `{}` has depth 1. */
  readonly maxDepth: number;
}

/** One item of a body: its text and either its value or its problem. */
export interface RawItem {
  /** Place in the body, from 0. */
  readonly index: number;
  /** The item's own text; the first 64 KiB of it where it was rejected. */
  readonly text: string;
  /** True where `text` was cut. */
  readonly truncated: boolean;
  /** What `parseJson` returned; undefined where `problem` is set. */
  readonly value: unknown;
  readonly problem: ItemProblem | undefined;
  /** The decoded event, where it was of the usual shape; `text` is empty then, and `value` undefined. */
  readonly event: SyncEvent | undefined;
}

/** Why a body could not be read to its end. */
export interface Broken {
  readonly code: ErrorCode;
  readonly detail: string;
  /** Byte of the decoded body at which it was noticed, from 0. */
  readonly at: number;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenientUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A JSON text as bytes, decoded and parsed; `problem` names the first thing that is wrong. */
export interface ReadText {
  readonly text: string;
  readonly value: unknown;
  readonly code: ErrorCode | undefined;
  readonly field: string | null;
  readonly detail: string;
}

/** Decodes bytes as UTF-8; invalid ones become U+FFFD and `valid` is false. */
export function decodeUtf8(bytes: Uint8Array): { readonly text: string; readonly valid: boolean } {
  try {
    return { text: strictUtf8.decode(bytes), valid: true };
  } catch {
    return { text: lenientUtf8.decode(bytes), valid: false };
  }
}

/** Parses a text that a scan has passed over; finds what is too deep, not JSON, or given twice. */
export function readText(text: string, scan: ValueScan, maxDepth: number): ReadText {
  if (scan.tooDeep) {
    const detail = `nesting is ${scan.deepest} levels deep; the limit is ${maxDepth}`;
    return { text, value: undefined, code: 'item_too_deep', field: null, detail };
  }
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    const message = error instanceof Error ? error.message.slice(0, 200).toWellFormed() : '';
    return { text, value: undefined, code: 'item_invalid_json', field: null, detail: message };
  }
  // A flat object is the common case, and its keys are counted fastest.
  const flat = scan.deepest === 1 && !Array.isArray(value);
  const keys = flat ? Object.keys(value as object).length : countKeys(value);
  if (keys === scan.colons) return { text, value, code: undefined, field: null, detail: '' };
  const path = findDuplicateKey(text) ?? '';
  return {
    text,
    value,
    code: 'duplicate_field',
    field: path,
    detail: `${path} is given twice; send it once`,
  };
}

/** Turns the bytes of items into {@link RawItem}s, counting them. */
export class ItemReader {
  /** Place of the next item. */
  next = 0;
  readonly limits: SplitLimits;
  readonly scan: ValueScan;
  /** Reads what needs no general parsing; a reader of other things than sync events has none. */
  readonly plain: PlainSyncEvents | undefined;

  constructor(limits: SplitLimits, plain: boolean) {
    this.limits = limits;
    this.plain = plain ? new PlainSyncEvents() : undefined;
    this.scan = new ValueScan(limits.maxDepth);
  }

  /** True where one more item would be too many. */
  get full(): boolean {
    return this.next >= this.limits.maxItems;
  }

  /** The item of an event that was read already. */
  fromEvent(event: SyncEvent): RawItem {
    return { index: this.next++, text: '', truncated: false, value: undefined, problem: undefined, event };
  }

  /** The item in these bytes, which `scan` has passed over. */
  fromBytes(bytes: Uint8Array): RawItem {
    const { text, valid } = decodeUtf8(bytes);
    return valid
      ? this.fromText(text)
      : this.rejected(text, false, 'item_invalid_json', 'the item is not valid UTF-8');
  }

  /** The item with this text, whose bytes `scan` has passed over. */
  fromText(text: string): RawItem {
    const read = readText(text, this.scan, this.limits.maxDepth);
    if (read.code === undefined) {
      return {
        index: this.next++,
        text,
        truncated: false,
        value: read.value,
        problem: undefined,
        event: undefined,
      };
    }
    const detail =
      read.code === 'item_invalid_json' ? `the item is not valid JSON: ${read.detail}` : read.detail;
    return this.rejected(text, false, read.code, detail, read.field, readableDeviceId(read.value));
  }

  /** An item of which only the first bytes were kept, because it is too large. */
  tooLarge(firstBytes: Uint8Array): RawItem {
    const detail = `the item takes more than ${this.limits.maxItemBytes} bytes`;
    return this.rejected(decodeUtf8(firstBytes).text, true, 'item_too_large', detail);
  }

  /** An item that the end of the body cut off. */
  cutOff(bytes: Uint8Array, partOnly: boolean): RawItem {
    return this.rejected(
      decodeUtf8(bytes).text,
      partOnly,
      'item_invalid_json',
      'the body ends within this item',
    );
  }

  rejected(
    text: string,
    cut: boolean,
    code: ErrorCode,
    detail: string,
    field: string | null = null,
    deviceId: string | null = null,
  ): RawItem {
    const kept = text.slice(0, maxKeptBytes).toWellFormed();
    const problem = { code, field, detail, deviceId };
    return {
      index: this.next++,
      text: kept,
      truncated: cut || kept.length < text.length,
      value: undefined,
      problem,
      event: undefined,
    };
  }
}
