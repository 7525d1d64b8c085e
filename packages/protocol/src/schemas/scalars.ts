import { maxTimestamp, minTimestamp } from '../event/timestamp.ts';
import { syncStatuses } from '../observation.ts';
import {
  either,
  integer,
  type JsonSchema,
  nothing,
  number,
  oneOf,
  optionalMember,
  string,
} from './json-schema.ts';

/** A schema that also takes null. */
export function nullable(schema: JsonSchema) {
  return either([schema, nothing()]);
}

/** A member that may be absent; null counts as absent. */
export function optional(schema: JsonSchema) {
  return optionalMember(nullable(schema));
}

/** A whole number from 0 to 2^53 - 1. */
export function count(description: string) {
  return integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description });
}

export const deviceIdSchema = string({
  minLength: 1,
  maxLength: 128,
  pattern: '^[A-Za-z0-9][A-Za-z0-9._:@-]*$',
  description: 'Id of the device: 1 to 128 letters, digits and . _ : @ -, the first a letter or digit.',
});

export const epochSchema = string({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9._:-]*$',
  description: 'Random id of the outbox of the device, new after it was set up again.',
});

export const eventIdSchema = string({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]*$',
  description: 'Id that the sender chose, without control characters. It is used where there is no seq.',
});

export const seqSchema = count('Gapless counter of the device within its epoch.');

const rfc3339 = [
  '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])[Tt]([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d+)?',
  '([Zz]|[+-]([01]\\d|2[0-3]):[0-5]\\d)$',
].join('');

/** A time as the wire takes it; whether the date exists is left to the decoder. */
export function timestampInput(description: string) {
  const inText = string({ pattern: rfc3339, description: 'RFC 3339 with a zone.' });
  const inNumber = number({
    minimum: minTimestamp,
    exclusiveMaximum: maxTimestamp + 1,
    description: 'Milliseconds since 1970-01-01T00:00:00Z; a fraction is cut off.',
  });
  return either([inText, inNumber], { description });
}

/** A time as PiSync writes it: RFC 3339 in UTC with milliseconds. */
export function time(description: string) {
  return string({
    format: 'date-time',
    pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
    description,
  });
}

export const syncStatusSchema = oneOf([...syncStatuses], {
  description:
    'Derived from the counts: no errors is success, errors and files partial, errors alone failed.',
});

export const clockQualitySchema = oneOf(['ok', 'corrected', 'unknown'], {
  description:
    'How far timestamp can be trusted: the clock of the device was right, was wrong by a known offset, or is unknown.',
});

export const nextCursorSchema = nullable(
  string({ description: 'Pass it as cursor to get the next items; null at the end.' }),
);

/** Replies hold these members and no others. */
export const closed = { additionalProperties: false } as const;
