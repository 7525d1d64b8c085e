import { type DecodeContext, type ItemProblem, readableDeviceId } from '../event/decode-sync-event.ts';
import { explainDeviceId, isDeviceId } from '../event/device-id.ts';
import { describeValue, ItemFault } from '../event/item-fault.ts';
import { decodeEpoch, decodeEventId, decodeSeq } from '../event/sender-identity.ts';
import { fieldNameIn as senderFieldName } from '../event/sync-event-fields.ts';
import { explainTimestamp, parseTimestamp } from '../event/timestamp.ts';
import { cellIdentity, cellIdentityRule, parseCellIdentity } from './cell-identity.ts';
import { decodePosition } from './decode-position.ts';
import {
  type Detection,
  type DetectionType,
  detectionTypes,
  maxCapabilitiesLength,
  maxNameLength,
} from './detection.ts';
import { field, fieldNameIn, firstPositionSlot, slotCount, slotOfField } from './detection-fields.ts';
import { detectionMetadata } from './detection-metadata.ts';
import { asJson, DetectionValues } from './detection-values.ts';
import { macAddressRule, parseMacAddress } from './mac-address.ts';
import { canonicalSecurity, securityOf } from './security.ts';

/** A decoded detection, or why it was rejected. */
export type DecodedDetection =
  | { readonly ok: true; readonly detection: Detection }
  | { readonly ok: false; readonly problem: ItemProblem };

const noContext: DecodeContext = {};
const maxFrequencyMhz = 1_000_000;
const maxChannel = 4_294_967_295;
const noItem: Record<string, unknown> = {};

/** Known names by their place in the items before, and their slots. */
const lastNames: string[] = new Array(slotCount).fill('');
const lastSlots: (number | undefined)[] = new Array(slotCount).fill(undefined);

/** Decoding never calls itself. */
const shared = new DetectionValues();

/**
 * Decodes one detection as `parseJson` returned it, in either spelling of the field names and in the names that scanners use
 * (`bssid`, `ssid`, `rssi`, `latitude`, `encryption_type`, …). Position fields may stand in `position` or beside the others.
 *
 * Unknown fields are kept: they join `metadata`. An optional field that is null counts as absent. What makes a detection useless
 * refuses it: no device, no type, a corrupt address. What is only useless itself is dropped and told in `metadata.dropped`: a
 * position out of range, a signal outside -200 to 0 dBm. Never throws; duplicate keys must be found before, in the text.
 */
export function decodeDetection(input: unknown, context: DecodeContext = noContext): DecodedDetection {
  try {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) {
      throw new ItemFault('invalid_item', null, `the item is ${describeValue(input)}; send a JSON object`);
    }
    const item = input as Record<string, unknown>;
    shared.reset(item);
    return { ok: true, detection: decodeValues(shared, spread(shared), context) };
  } catch (fault) {
    if (!(fault instanceof ItemFault)) throw fault;
    return { ok: false, problem: problemOf(fault, input, context) };
  }
}

/**
 * One detection that a program puts together field by field, for readers of files in which every row has the same fields. The rules are
 * those of {@link decodeDetection}: it makes the same detection, or tells the same problem, as of an item that has these fields under
 * their names of the documents, at a third of the cost. One draft serves for any number of detections.
 */
export class DetectionDraft {
  readonly #values = new DetectionValues();

  /** Begins a detection, without any field. */
  begin(type: DetectionType): void {
    this.#values.reset(noItem);
    this.#values.slots[field.type] = type;
  }

  /** Sets a field that holds a number or a time. Any number is taken as sent; null leaves the field out. */
  number(slot: DetectionNumber, value: number | null): void {
    if (value !== null) this.#values.setNumber(slot, value);
  }

  /** Sets a field that holds a text; null leaves it out. */
  text(slot: DetectionText, value: string | null): void {
    this.#values.slots[slot] = value;
  }

  /** Sets the metadata. */
  metadata(value: Readonly<Record<string, unknown>>): void {
    this.#values.slots[field.metadata] = value;
  }

  /** Checks the fields that were set. */
  decode(context: DecodeContext): DecodedDetection {
    try {
      return { ok: true, detection: decodeValues(this.#values, undefined, context) };
    } catch (fault) {
      if (!(fault instanceof ItemFault)) throw fault;
      return { ok: false, problem: problemOf(fault, noItem, context) };
    }
  }
}

/** Fields of a {@link DetectionDraft} that hold a number: those of the position stand beside the others. */
export type DetectionNumber = (typeof field)[
  | 'timestamp'
  | 'channel'
  | 'frequencyMhz'
  | 'signalDbm'
  | 'lat'
  | 'lon'
  | 'altitude'
  | 'accuracy'];

/** Fields of a {@link DetectionDraft} that hold a text. */
type DetectionText = (typeof field)['identity' | 'name' | 'capabilities'];

function problemOf(fault: ItemFault, input: unknown, context: DecodeContext): ItemProblem {
  // Only the sender's identity, which all kinds share, is told by its number in a sync event.
  const numbered = typeof fault.field === 'number' ? senderFieldName(input as object, fault.field) : null;
  return {
    code: fault.code,
    field: numbered ?? (fault.field as string | null),
    detail: numbered === null ? fault.detail : `${numbered} ${fault.detail}`,
    deviceId: readableDeviceId(input) ?? context.deviceId ?? null,
  };
}

/** The rules, whoever filled the slots. */
function decodeValues(
  values: DetectionValues,
  unknown: Record<string, unknown> | undefined,
  context: DecodeContext,
): Detection {
  const { slots } = values;
  checkKind(values);
  const type = decodeType(values);
  const deviceId = decodeDeviceId(values, context.deviceId);
  const identity = type === 'cellular' ? decodeCell(values) : decodeMac(values);
  const capabilities = values.text(field.capabilities, maxCapabilitiesLength);
  const security = decodeSecurity(values, type, capabilities);
  const seq = decodeSeq(slots[field.seq]);
  const epoch = decodeEpoch(slots[field.epoch], seq, context.epoch);
  const name = values.text(field.name, maxNameLength);
  const channel = decodeChannel(values);
  const frequencyMhz = decodeFrequency(values);
  const signalDbm = decodeSignal(values);
  const position = decodePosition(values);
  const { dropped } = values;
  const sent = slots[field.metadata];
  const plain = (sent === undefined || sent === null) && unknown === undefined && dropped === undefined;
  return {
    kind: 'detection',
    deviceId,
    epoch,
    seq,
    eventId: decodeEventId(slots[field.eventId], context.eventId),
    deviceTime: decodeTime(values, field.timestamp),
    sentAt: decodeTime(values, field.sentAt) ?? context.sentAt ?? null,
    type,
    identity,
    name,
    security: security.names,
    channel,
    frequencyMhz,
    signalDbm,
    position,
    capabilities: capabilities ?? security.text,
    metadata: plain
      ? null
      : detectionMetadata(
          { sent, name: fieldNameIn(values.item, field.metadata), unknown, dropped },
          context.maxDepth,
        ),
  };
}

/** Puts the item's values into their slots. @returns the fields that are not known, undefined where there are none */
function spread(values: DetectionValues): Record<string, unknown> | undefined {
  const { item, slots } = values;
  let unknown: Record<string, unknown> | undefined;
  let place = 0;
  for (const key in item) {
    const slot = slotAt(place, key);
    place += 1;
    if (slot === undefined) {
      unknown ??= Object.create(null) as Record<string, unknown>;
      unknown[key] = item[key];
    } else {
      put(values, slot, key, item[key]);
    }
  }
  const position = slots[field.position];
  if (position === undefined || position === null) return unknown;
  if (typeof position !== 'object' || Array.isArray(position)) {
    throw values.fault('invalid_type', field.position, `must be an object, not ${describeValue(position)}`);
  }
  let rest: Record<string, unknown> | undefined;
  for (const key in position) {
    const slot = slotOfField.get(key);
    const value = (position as Record<string, unknown>)[key];
    if (slot !== undefined && slot >= firstPositionSlot) {
      put(values, slot, `position.${key}`, value);
    } else {
      rest ??= Object.create(null) as Record<string, unknown>;
      rest[key] = value;
    }
  }
  if (rest === undefined) return unknown;
  // The name `position` is a known one, so that no unknown field can have it.
  unknown ??= Object.create(null) as Record<string, unknown>;
  unknown['position'] = rest;
  return unknown;
}

/** The slot of the field with this name. A sender spells its items alike, so that most names stand where they stood before. */
function slotAt(place: number, name: string): number | undefined {
  if (lastNames[place] === name) return lastSlots[place];
  const slot = slotOfField.get(name);
  if (slot !== undefined && place < slotCount) {
    lastNames[place] = name;
    lastSlots[place] = slot;
  }
  return slot;
}

function put(values: DetectionValues, slot: number, key: string, value: unknown): void {
  const { slots } = values;
  if (value === null || value === undefined) return;
  if (slots[slot] !== undefined) {
    const other = fieldNameIn(values.item, slot);
    const detail =
      other === key
        ? `${key} is given twice; send one`
        : `${key} says the same as ${other}; send one of them`;
    throw new ItemFault('duplicate_field', key, detail);
  }
  slots[slot] = value;
}

function checkKind(values: DetectionValues): void {
  const kind = values.get(field.kind);
  if (kind === null || kind === 'detection') return;
  throw values.fault('unknown_kind', field.kind, `is ${describeValue(kind)}; this is the place of detection`);
}

function decodeType(values: DetectionValues): DetectionType {
  const type = values.get(field.type);
  if (detectionTypes.includes(type as DetectionType)) return type as DetectionType;
  const rule = `send one of ${detectionTypes.join(', ')}`;
  if (type === null) throw values.fault('missing_field', field.type, `is missing; ${rule}`);
  throw values.fault('invalid_text', field.type, `is ${describeValue(type)}; ${rule}`);
}

function decodeDeviceId(values: DetectionValues, fromEnvelope: string | undefined): string {
  const value = values.get(field.deviceId);
  if (value === null) {
    if (fromEnvelope !== undefined) return fromEnvelope;
    throw values.fault('missing_field', field.deviceId, 'is missing; send the id of the device');
  }
  if (typeof value !== 'string') {
    throw values.fault('invalid_type', field.deviceId, `must be text, not ${describeValue(value)}`);
  }
  if (!isDeviceId(value)) throw values.fault('invalid_device_id', field.deviceId, explainDeviceId(value));
  if (fromEnvelope === undefined || value === fromEnvelope) return value;
  const detail = `is not the device_id of the envelope, ${fromEnvelope}; send one envelope per device`;
  throw values.fault('invalid_device_id', field.deviceId, detail);
}

function decodeMac(values: DetectionValues): string {
  const text = values.text(field.identity, maxNameLength);
  if (text === null)
    throw values.fault('missing_field', field.identity, `is missing; send ${macAddressRule}`);
  const mac = parseMacAddress(text);
  if (mac !== undefined) return mac;
  throw values.fault('invalid_text', field.identity, `is ${describeValue(text)}; send ${macAddressRule}`);
}

function decodeCell(values: DetectionValues): string {
  const text = values.text(field.identity, maxNameLength);
  const parts = [field.mcc, field.mnc, field.area, field.cell].map((slot) => values.number(slot, 'the cell'));
  if (text !== null) {
    const identity = parseCellIdentity(text);
    if (identity === undefined) {
      const detail = `is ${describeValue(text)}; send ${cellIdentityRule}`;
      throw values.fault('invalid_text', field.identity, detail);
    }
    if (parts.some((part) => part !== null) && identity !== cellIdentity(...numbers(parts))) {
      throw values.fault('duplicate_field', field.identity, 'differs from mcc, mnc, area and cell; send one');
    }
    return identity;
  }
  if (parts.every((part) => part === null)) {
    throw values.fault('missing_field', field.identity, `is missing; send ${cellIdentityRule}`);
  }
  const identity = cellIdentity(...numbers(parts));
  if (identity !== undefined) return identity;
  const detail = 'with mnc, area and cell is no whole identity of a cell; send all four as whole numbers';
  throw values.fault('out_of_range', field.mcc, detail);
}

function numbers(parts: readonly (number | null)[]): [number, number, number, number] {
  return parts.map((part) => part ?? Number.NaN) as [number, number, number, number];
}

/** What the network's security is and the words that say so, unless these are nothing but the names themselves. */
function decodeSecurity(
  values: DetectionValues,
  type: DetectionType,
  capabilities: string | null,
): { readonly names: string | null; readonly text: string | null } {
  const value = values.get(field.security);
  const words = Array.isArray(value) && value.length <= 16 && value.every((word) => typeof word === 'string');
  if (words) values.slots[field.security] = value.join(',');
  const text = values.text(field.security, maxCapabilitiesLength);
  const told = capabilities === null || type !== 'wifi' ? null : securityOf(capabilities);
  if (text === null) return { names: told, text: null };
  const list = canonicalSecurity(text);
  if (list !== undefined) return { names: list, text: null };
  if (capabilities !== null && capabilities !== text) values.drop('security', text);
  return { names: securityOf(text) ?? told, text };
}

function decodeChannel(values: DetectionValues): number | null {
  const value = values.number(field.channel, 'the channel');
  if (value === null || (Number.isInteger(value) && value >= 0 && value <= maxChannel)) return value;
  throw values.fault('out_of_range', field.channel, `is ${value}; send a whole number, 0 or more`);
}

/** Scanners write 0 where they do not know the frequency. */
function decodeFrequency(values: DetectionValues): number | null {
  const value = values.number(field.frequencyMhz, 'MHz');
  if (value === null || value === 0) return null;
  if (value > 0 && value <= maxFrequencyMhz) return value;
  const detail = `is ${value}; send a number of MHz, over 0 and at most ${maxFrequencyMhz}`;
  throw values.fault('out_of_range', field.frequencyMhz, detail);
}

function decodeSignal(values: DetectionValues): number | null {
  const value = values.number(field.signalDbm, 'dBm');
  if (value === null || (value >= -200 && value <= 0)) return value;
  values.drop('signal_dbm', asJson(value));
  return null;
}

function decodeTime(values: DetectionValues, slot: number): number | null {
  const value = values.get(slot);
  if (value === null) return null;
  const ms = parseTimestamp(value);
  if (!Number.isNaN(ms)) return ms;
  throw values.fault('invalid_timestamp', slot, explainTimestamp(value));
}
