import type { ErrorCode } from '../errors.ts';
import { type CanonicalFault, canonicalJson, formatPath } from '../json/canonical-json.ts';
import type { SyncEvent } from '../observation.ts';
import { explainDeviceId, isDeviceId, maxDeviceIdLength } from './device-id.ts';
import { countFault, describeValue, ItemFault } from './item-fault.ts';
import { decodeEpoch, decodeEventId, decodeSeq } from './sender-identity.ts';
import { field, fieldNameIn, slotCount, slotOfField } from './sync-event-fields.ts';
import { explainTimestamp, parseTimestamp } from './timestamp.ts';

/** Largest canonical text of `metadata`, in bytes of UTF-8. */
export const maxMetadataBytes = 16_384;

/** Deepest nesting of `metadata` that is taken unless the context says otherwise. */
export const defaultMaxDepth = 32;

/** What a request says about all of its items; an item may override all but the device. */
export interface DecodeContext {
  /** Well-formed device id of the envelope; an item that names another one is refused. */
  readonly deviceId?: string | undefined;
  /** Epoch of the envelope, for items that have a `seq` and no epoch of their own. */
  readonly epoch?: string | undefined;
  /** The device's clock when the request was sent, epoch milliseconds. */
  readonly sentAt?: number | undefined;
  /** The `Idempotency-Key` of a single POST, already checked by {@link explainEventId}. */
  readonly eventId?: string | undefined;
  /** Deepest nesting of `metadata`, unknown fields included; {@link defaultMaxDepth} if absent. */
  readonly maxDepth?: number | undefined;
}

/** Why an item was rejected. */
export interface ItemProblem {
  readonly code: ErrorCode;
  /** The field as the sender spelled it, null where the whole item is wrong. */
  readonly field: string | null;
  /** What is wrong and how to mend it, for a person. */
  readonly detail: string;
  /** The device id where one could be read as text, well formed or not; hostile, at most 128 characters. */
  readonly deviceId: string | null;
}

/** A decoded item, or why it was rejected. */
export type Decoded =
  | { readonly ok: true; readonly event: SyncEvent }
  | { readonly ok: false; readonly problem: ItemProblem };

const noContext: DecodeContext = {};

/**
 * Decodes one sync event as `parseJson` returned it, in either spelling of the field names.
 *
 * Unknown fields are kept: they join `metadata`. `sync_status` is ignored, because it is derived. An optional field
 * that is null counts as absent. Never throws; duplicate keys must be found before, in the text
 * (see {@link ItemSplitter} and {@link parseJsonDocument}).
 */
export function decodeSyncEvent(input: unknown, context: DecodeContext = noContext): Decoded {
  try {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) {
      throw new ItemFault('invalid_item', null, `the item is ${describeValue(input)}; send a JSON object`);
    }
    return { ok: true, event: decodeRecord(input as Record<string, unknown>, context) };
  } catch (fault) {
    if (!(fault instanceof ItemFault)) throw fault;
    return { ok: false, problem: problemOf(fault, input, context) };
  }
}

/** The text of `device_id` or `deviceId` of an item that may be anything, cut to 128 characters; null if there is none. */
export function readableDeviceId(input: unknown): string | null {
  if (typeof input !== 'object' || input === null) return null;
  const record = input as Record<string, unknown>;
  for (const key of ['device_id', 'deviceId']) {
    const value = Object.hasOwn(record, key) ? record[key] : undefined;
    if (typeof value === 'string') return value.slice(0, maxDeviceIdLength).toWellFormed();
  }
  return null;
}

function problemOf(fault: ItemFault, input: unknown, context: DecodeContext): ItemProblem {
  const name = typeof fault.field === 'number' ? fieldNameIn(input as object, fault.field) : fault.field;
  return {
    code: fault.code,
    field: name,
    detail: typeof fault.field === 'number' ? `${name} ${fault.detail}` : fault.detail,
    deviceId: readableDeviceId(input) ?? context.deviceId ?? null,
  };
}

function decodeRecord(input: Record<string, unknown>, context: DecodeContext): SyncEvent {
  const slots: unknown[] = new Array(slotCount).fill(undefined);
  let extra: Record<string, unknown> | undefined;
  for (const key in input) {
    const slot = slotOfField.get(key);
    if (slot === undefined) {
      // Without a prototype, `__proto__` is a key like any other.
      extra ??= Object.create(null) as Record<string, unknown>;
      extra[key] = input[key];
    } else {
      if (slots[slot] !== undefined)
        throw new ItemFault('duplicate_field', key, `${key} is given in both spellings; send one`);
      slots[slot] = input[key];
    }
  }
  checkKind(slots[field.kind]);
  const deviceId = decodeDeviceId(slots[field.deviceId], context.deviceId);
  const totalFilesSynced = decodeCount(slots[field.totalFilesSynced], field.totalFilesSynced);
  const totalErrors = decodeCount(slots[field.totalErrors], field.totalErrors);
  const seq = decodeSeq(slots[field.seq]);
  const epoch = decodeEpoch(slots[field.epoch], seq, context.epoch);
  return {
    kind: 'sync_event',
    deviceId,
    epoch,
    seq,
    eventId: decodeEventId(slots[field.eventId], context.eventId),
    deviceTime: decodeTime(slots[field.timestamp], field.timestamp),
    sentAt: decodeTime(slots[field.sentAt], field.sentAt) ?? context.sentAt ?? null,
    totalFilesSynced,
    totalErrors,
    internetSpeed: decodeSpeed(slots[field.internetSpeed]),
    syncDurationMs: decodeOptionalCount(slots[field.syncDurationMs], field.syncDurationMs),
    bytesSynced: decodeOptionalCount(slots[field.bytesSynced], field.bytesSynced),
    metadata: decodeMetadata(slots[field.metadata], extra, context.maxDepth ?? defaultMaxDepth),
  };
}

function checkKind(value: unknown): void {
  if (value === undefined || value === 'sync_event' || value === null) return;
  throw new ItemFault('unknown_kind', field.kind, `is ${describeValue(value)}; this server knows sync_event`);
}

function decodeDeviceId(value: unknown, fromEnvelope: string | undefined): string {
  if (value === undefined || value === null) {
    if (fromEnvelope !== undefined) return fromEnvelope;
    throw new ItemFault('missing_field', field.deviceId, 'is missing; send the id of the device');
  }
  if (typeof value !== 'string') {
    throw new ItemFault('invalid_type', field.deviceId, `must be text, not ${describeValue(value)}`);
  }
  if (!isDeviceId(value)) throw new ItemFault('invalid_device_id', field.deviceId, explainDeviceId(value));
  if (fromEnvelope !== undefined && value !== fromEnvelope) {
    const detail = `is not the device_id of the envelope, ${fromEnvelope}; send one envelope per device`;
    throw new ItemFault('invalid_device_id', field.deviceId, detail);
  }
  return value;
}

function decodeCount(value: unknown, slot: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value + 0;
  if (value === undefined || value === null) {
    throw new ItemFault('missing_field', slot, 'is missing; send a whole number, 0 or more');
  }
  throw countFault(value, slot);
}

function decodeOptionalCount(value: unknown, slot: number): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value + 0;
  throw countFault(value, slot);
}

function decodeSpeed(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number') {
    throw new ItemFault(
      'invalid_type',
      field.internetSpeed,
      `must be a number of Mbit/s, not ${describeValue(value)}`,
    );
  }
  if (value >= 0 && value < Number.POSITIVE_INFINITY) return value + 0;
  const shown = describeValue(value);
  throw new ItemFault(
    'out_of_range',
    field.internetSpeed,
    `is ${shown}; send a finite number of Mbit/s, 0 or more`,
  );
}

function decodeTime(value: unknown, slot: number): number | null {
  if (value === undefined || value === null) return null;
  const ms = parseTimestamp(value);
  if (!Number.isNaN(ms)) return ms;
  throw new ItemFault('invalid_timestamp', slot, explainTimestamp(value));
}

function decodeMetadata(
  value: unknown,
  extra: Record<string, unknown> | undefined,
  maxDepth: number,
): string | null {
  const absent = value === undefined || value === null;
  if (absent && extra === undefined) return null;
  if (!absent && (typeof value !== 'object' || Array.isArray(value))) {
    throw new ItemFault('invalid_type', field.metadata, `must be an object, not ${describeValue(value)}`);
  }
  const merged = absent
    ? extra
    : extra === undefined
      ? value
      : merge(value as Record<string, unknown>, extra);
  const canonical = canonicalJson(merged, maxDepth);
  if (!canonical.ok) throw metadataFault(canonical, extra, maxDepth);
  const bytes = utf8Length(canonical.text);
  if (bytes <= maxMetadataBytes) return canonical.text;
  const detail = `takes ${bytes} bytes, unknown fields included; the limit is ${maxMetadataBytes}`;
  throw new ItemFault('item_too_large', field.metadata, detail);
}

function merge(metadata: Record<string, unknown>, extra: Record<string, unknown>): Record<string, unknown> {
  const both = Object.create(null) as Record<string, unknown>;
  for (const key in extra) both[key] = extra[key];
  for (const key in metadata) {
    if (key in both) {
      const name = formatPath([key]);
      const detail = `${name} is an unknown field and would join metadata, which has this key already; send it once`;
      throw new ItemFault('duplicate_field', name, detail);
    }
    both[key] = metadata[key];
  }
  return both;
}

function metadataFault(
  fault: CanonicalFault,
  extra: Record<string, unknown> | undefined,
  maxDepth: number,
): ItemFault {
  const unknownField = extra !== undefined && Object.hasOwn(extra, fault.path[0] as string);
  const name = formatPath(unknownField ? fault.path : ['metadata', ...fault.path]);
  if (fault.reason === 'too_deep') {
    return new ItemFault('item_too_deep', name, `${name} is nested deeper than ${maxDepth} levels`);
  }
  return new ItemFault('out_of_range', name, `${name} is a number too large to hold; send it as text`);
}

/** Bytes of UTF-8 that a text takes; canonical JSON holds no lone surrogates. */
function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // A surrogate pair is two units and four bytes: one byte more for each unit.
    if (code >= 0x80) bytes += code >= 0x800 && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
