import type { ErrorCode } from '../errors.ts';
import { explainDeviceId, isDeviceId } from '../event/device-id.ts';
import { quoteText } from '../event/item-fault.ts';
import type { Line, LineField } from './line-protocol-line.ts';
import {
  booleanKind,
  maxPointTime,
  maxTextBytes,
  minPointTime,
  numberKind,
  textKind,
} from './point-batch.ts';
import { encodeSeriesKey, explainSeries, type SeriesTag, utf8Length } from './series-key.ts';

/** Unit of the times of a request. */
export type LinePrecision = 'ns' | 'us' | 'ms' | 's' | 'm' | 'h';

/** Tags that name the device, the first that a line has, unless the operator says otherwise. */
export const defaultDeviceTags: readonly string[] = ['device_id', 'device', 'host'];

const minus = 45;

/** Microseconds in a unit; of nanoseconds a microsecond has a thousand, so they are no entry here. */
const microseconds = { us: 1, ms: 1000, s: 1e6, m: 6e7, h: 3.6e9 } as const;

const spellings: ReadonlyMap<string, LinePrecision> = new Map([
  ['n', 'ns'],
  ['ns', 'ns'],
  ['u', 'us'],
  ['us', 'us'],
  ['µ', 'us'],
  ['µs', 'us'],
  ['ms', 'ms'],
  ['s', 's'],
  ['m', 'm'],
  ['h', 'h'],
] as const);

/** The precision that a `precision` parameter names, in any spelling of either API; undefined where it is none. */
export function linePrecision(text: string): LinePrecision | undefined {
  return spellings.get(text);
}

/** Microseconds in one unit of the precision, 0 for nanoseconds. */
export function unitMicroseconds(precision: LinePrecision): number {
  return precision === 'ns' ? 0 : microseconds[precision];
}

/** A point of a line: its series' key, value and kind; a text stands in `text`, and its value is 0. */
export interface MappedPoint {
  readonly key: string;
  readonly value: number;
  readonly kind: number;
  readonly text: string;
}

/** What PiSync makes of a line. */
export interface MappedLine {
  readonly deviceId: string;
  /** In the order of the fields. */
  readonly points: readonly MappedPoint[];
  /** Microseconds since the epoch; null where the line has no time. */
  readonly time: number | null;
}

/** Why a well-formed line holds nothing that PiSync can keep. */
export class MappingFault {
  readonly code: ErrorCode;
  /** The tag or field that is wrong, as the line spells it; null where it is another part. */
  readonly field: string | null;
  readonly detail: string;
  /** The device id where the line has one, well formed or not. */
  readonly deviceId: string | null;

  constructor(code: ErrorCode, field: string | null, detail: string, deviceId: string | null) {
    this.code = code;
    this.field = field;
    this.detail = detail;
    this.deviceId = deviceId;
  }
}

/**
 * Makes a device and points of a line. The first of `deviceTags` that the line has is its device id, and no tag any
 * more. The metric of a field called `value` is the measurement, of any other `measurement.field`; the other tags stay.
 *
 * @throws {MappingFault} where any part of it cannot be kept: a line comes whole or not at all
 */
export function mapLine(line: Line, deviceTags: readonly string[], precision: LinePrecision): MappedLine {
  const named = deviceTags.find((name) => line.tags.some(([tag]) => tag === name));
  if (named === undefined) {
    const detail = `the line has no tag that names its device; add ${deviceTags.join(' or ')}`;
    throw new MappingFault('missing_field', deviceTags[0] ?? null, detail, null);
  }
  const deviceId = (line.tags.find(([tag]) => tag === named) as SeriesTag)[1];
  if (!isDeviceId(deviceId)) {
    const detail = `${named} ${explainDeviceId(deviceId)}`;
    throw new MappingFault('invalid_device_id', named, detail, deviceId.slice(0, 128).toWellFormed());
  }
  const tags = line.tags.filter(([tag]) => tag !== named);
  const points = line.fields.map((field) => mapField(line.measurement, tags, field, deviceId));
  const time = line.time === null ? null : lineTime(line.time, precision);
  if (time !== undefined) return { deviceId, points, time };
  const detail = `time ${quoteText(line.time as string)} does not fit into 64 bits; send the time that was meant`;
  throw new MappingFault('invalid_timestamp', 'time', detail, deviceId);
}

function mapField(
  measurement: string,
  tags: readonly SeriesTag[],
  field: LineField,
  deviceId: string,
): MappedPoint {
  const metric = field.name === 'value' ? measurement : `${measurement}.${field.name}`;
  const key = encodeSeriesKey(metric, tags);
  const fault = explainSeries(metric, tags, key);
  if (fault !== undefined) {
    const name = typeof fault.part === 'number' ? (tags[fault.part] as SeriesTag)[0] : field.name;
    const subject = typeof fault.part === 'number' ? `tag ${quoteText(name)}` : `metric ${quoteText(metric)}`;
    throw new MappingFault(
      fault.code,
      name.slice(0, 200).toWellFormed(),
      `${subject} ${fault.detail}`,
      deviceId,
    );
  }
  if (field.type === 'text') {
    const bytes = utf8Length(field.value);
    if (bytes <= maxTextBytes) return { key, value: 0, kind: textKind, text: field.value };
    const detail = `${field.name} takes ${bytes} bytes; the limit of a text is ${maxTextBytes}`;
    throw new MappingFault('invalid_text', field.name, detail, deviceId);
  }
  if (field.type === 'boolean') {
    return { key, value: field.value === 'true' ? 1 : 0, kind: booleanKind, text: '' };
  }
  const value = lineNumber(field);
  if (value !== undefined) return { key, value, kind: numberKind, text: '' };
  const why =
    field.type === 'float'
      ? 'is a number too large to hold; send a finite double'
      : `is ${field.value.slice(0, 40)}, an integer beyond ${Number.MAX_SAFE_INTEGER} that a double cannot hold; send it as a float or as text`;
  throw new MappingFault('out_of_range', field.name, `${field.name} ${why}`, deviceId);
}

/** The number of a field; undefined where a double cannot hold it: an integer beyond 2^53 - 1, or what would be infinite. */
export function lineNumber(field: LineField): number | undefined {
  const value = Number(field.value);
  if (field.type === 'float') return Number.isFinite(value) ? value : undefined;
  // An integer has no negative zero.
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

/**
 * Microseconds since the epoch of a time in digits: nanoseconds are cut off towards the past, and what lies beyond the
 * times that a point can have is the nearest of them. Undefined beyond 64 bits, as in InfluxDB.
 */
export function lineTime(digits: string, precision: LinePrecision): number | undefined {
  const whole = precision === 'ns' ? Number(digits.slice(0, -3)) : Number(digits) * microseconds[precision];
  // Nearly all times are a product of safe integers, which is exact where it is safe itself.
  if (whole >= 0 && whole <= maxPointTime && digits.charCodeAt(0) !== minus) return whole;
  const given = BigInt(digits);
  if (BigInt.asIntN(64, given) !== given) return undefined;
  const exact =
    precision === 'ns'
      ? (given - (((given % 1000n) + 1000n) % 1000n)) / 1000n
      : given * BigInt(microseconds[precision]);
  if (exact > BigInt(maxPointTime)) return maxPointTime;
  return exact < BigInt(minPointTime) ? minPointTime : Number(exact);
}
