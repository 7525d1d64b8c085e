import type { DecodeContext, ItemProblem } from './decode-sync-event.ts';
import { readableDeviceId } from './decode-sync-event.ts';
import { explainDeviceId, isDeviceId } from './device-id.ts';
import { describeValue, ItemFault, quoteText } from './item-fault.ts';
import { explainEpoch } from './sender-identity.ts';
import { camelCase } from './sync-event-fields.ts';
import { explainTimestamp, parseTimestamp } from './timestamp.ts';

/** A decoded envelope, or why the whole of it was refused. */
export type DecodedEnvelope =
  | {
      readonly ok: true;
      /** Hand it to `decodeSyncEvent` with each observation. */
      readonly context: DecodeContext;
      /** Not looked at yet; each may still be rejected on its own. */
      readonly observations: readonly unknown[];
    }
  | { readonly ok: false; readonly problem: ItemProblem };

/** Limits of an envelope; absent ones do not limit. */
export interface EnvelopeLimits {
  /** Most observations. */
  readonly maxItems?: number | undefined;
  /** Deepest nesting of an observation's metadata; passed on in the context. */
  readonly maxDepth?: number | undefined;
}

const envelopeFields = ['device_id', 'epoch', 'sent_at', 'observations'] as const;
type EnvelopeField = (typeof envelopeFields)[number];

const fieldOfName: ReadonlyMap<string, EnvelopeField> = new Map(
  envelopeFields.flatMap((name): [string, EnvelopeField][] => [
    [name, name],
    [camelCase(name), name],
  ]),
);

/** A field's value with the name that the sender gave it. */
interface Given {
  readonly name: string;
  readonly value: unknown;
}

/**
 * Decodes the envelope in which one device sends many observations:
 * `{device_id, epoch, sent_at, observations: [{seq, kind, …}]}`, in either spelling.
 *
 * `device_id` and `observations` are required. `epoch` is needed only by observations that have a `seq` and no epoch
 * of their own. A field that an envelope does not have is refused, because there is nowhere to keep it. Never throws.
 */
export function decodeEnvelope(input: unknown, limits: EnvelopeLimits = {}): DecodedEnvelope {
  try {
    return decodeFields(fieldsOf(input), limits);
  } catch (fault) {
    if (!(fault instanceof ItemFault)) throw fault;
    const name = fault.field as string | null;
    return {
      ok: false,
      problem: { code: fault.code, field: name, detail: fault.detail, deviceId: readableDeviceId(input) },
    };
  }
}

function fieldsOf(input: unknown): Map<EnvelopeField, Given> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new ItemFault('invalid_item', null, `the envelope is ${describeValue(input)}; send a JSON object`);
  }
  const given = new Map<EnvelopeField, Given>();
  for (const [name, value] of Object.entries(input)) {
    const field = fieldOfName.get(name);
    if (field === undefined) {
      const known = envelopeFields.join(', ');
      const shown = name.slice(0, 200).toWellFormed();
      throw new ItemFault(
        'unknown_field',
        shown,
        `${quoteText(name)} is no field of an envelope; it has ${known}`,
      );
    }
    if (given.has(field)) {
      throw new ItemFault('duplicate_field', name, `${name} is given in both spellings; send one`);
    }
    given.set(field, { name, value });
  }
  return given;
}

function decodeFields(given: Map<EnvelopeField, Given>, limits: EnvelopeLimits): DecodedEnvelope {
  const device = required(given, 'device_id', 'send the id of the device');
  const deviceId = textOf(device);
  if (!isDeviceId(deviceId)) throw faultAt(device, 'invalid_device_id', explainDeviceId(deviceId));
  const epoch = optional(given, 'epoch');
  const wrongEpoch = epoch && explainEpoch(textOf(epoch));
  if (epoch && wrongEpoch) throw faultAt(epoch, 'invalid_text', wrongEpoch);
  const sent = optional(given, 'sent_at');
  const sentAt = sent && parseTimestamp(sent.value);
  if (sent && Number.isNaN(sentAt)) throw faultAt(sent, 'invalid_timestamp', explainTimestamp(sent.value));
  const list = required(given, 'observations', 'send a list, which may be empty');
  const observations = list.value;
  if (!Array.isArray(observations)) {
    throw faultAt(list, 'invalid_type', `must be a list, not ${describeValue(observations)}`);
  }
  if (limits.maxItems !== undefined && observations.length > limits.maxItems) {
    throw faultAt(
      list,
      'too_many_items',
      `holds ${observations.length} items; the limit is ${limits.maxItems}`,
    );
  }
  const context = { deviceId, epoch: epoch && textOf(epoch), sentAt, maxDepth: limits.maxDepth };
  return { ok: true, context, observations };
}

function required(given: Map<EnvelopeField, Given>, field: EnvelopeField, mend: string): Given {
  const found = optional(given, field);
  if (found !== undefined) return found;
  const name = given.get(field)?.name ?? field;
  throw new ItemFault('missing_field', name, `${name} is missing; ${mend}`);
}

/** Null counts as absent. */
function optional(given: Map<EnvelopeField, Given>, field: EnvelopeField): Given | undefined {
  const found = given.get(field);
  return found === undefined || found.value === null ? undefined : found;
}

function textOf(given: Given): string {
  if (typeof given.value === 'string') return given.value;
  throw faultAt(given, 'invalid_type', `must be text, not ${describeValue(given.value)}`);
}

function faultAt(given: Given, code: ItemFault['code'], detail: string): ItemFault {
  return new ItemFault(code, given.name, `${given.name} ${detail}`);
}
