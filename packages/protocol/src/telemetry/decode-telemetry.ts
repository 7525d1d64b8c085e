import type { ItemProblem } from '../event/decode-sync-event.ts';
import { readableDeviceId } from '../event/decode-sync-event.ts';
import { explainDeviceId, isDeviceId } from '../event/device-id.ts';
import { describeValue, ItemFault, quoteText } from '../event/item-fault.ts';
import { explainTimestamp } from '../event/timestamp.ts';
import { formatPath } from '../json/canonical-json.ts';
import { maxTextBytes } from './point-batch.ts';
import type { PointBatchBuilder } from './point-batch-builder.ts';
import { parsePointTime } from './point-time.ts';
import { encodeSeriesKey, explainSeries, type SeriesTag, utf8Length } from './series-key.ts';

/** What a request says about all of its telemetry. */
export interface TelemetryContext {
  /** Well-formed device id of the envelope; an item that names another one is refused. */
  readonly deviceId?: string | undefined;
  /** Time of points that have none: that of receipt, microseconds since the epoch. */
  readonly defaultTime: number;
}

type Member = 'device_id' | 'timestamp' | 'metric' | 'value' | 'tags' | 'metrics' | 'kind';

/** Members of an item in both spellings; those that say nothing about a point are passed over, as null. */
const members: ReadonlyMap<string, Member | null> = new Map<string, Member | null>([
  ...(['device_id', 'timestamp', 'metric', 'value', 'tags', 'metrics', 'kind'] as const).map(
    (name): [string, Member] => [name, name],
  ),
  ['deviceId', 'device_id'],
  // A point is identified by its series and time, so what identifies other observations is of no use to it.
  ...['epoch', 'seq', 'event_id', 'eventId', 'sent_at', 'sentAt'].map((name): [string, null] => [name, null]),
]);

type Item = Record<string, unknown>;

interface Given {
  readonly name: string;
  readonly value: unknown;
}

/**
 * Decodes one item of telemetry as `parseJson` returned it and adds its points to the builder: an object with `metric`
 * and `value`, or columns, `metrics: {name: {timestamps, values, tags?}}`. An absent `timestamp` is the time of receipt.
 * Never throws; duplicate keys must be found before, in the text.
 *
 * @returns why the item was rejected: then none of its points were added
 */
export function decodeTelemetry(
  input: unknown,
  context: TelemetryContext,
  builder: PointBatchBuilder,
): ItemProblem | undefined {
  const mark = builder.mark();
  try {
    if (!isObject(input)) {
      throw new ItemFault('invalid_item', null, `the item is ${describeValue(input)}; send a JSON object`);
    }
    decodeItem(input, context, builder);
    return undefined;
  } catch (fault) {
    if (!(fault instanceof ItemFault)) throw fault;
    builder.rollback(mark);
    const field = fault.field as string | null;
    const detail = field === null ? fault.detail : `${field} ${fault.detail}`;
    return { code: fault.code, field, detail, deviceId: readableDeviceId(input) ?? context.deviceId ?? null };
  }
}

function decodeItem(input: Item, context: TelemetryContext, builder: PointBatchBuilder): void {
  const given = membersOf(input);
  const kind = given.get('kind')?.value;
  if (kind !== undefined && kind !== null && kind !== 'telemetry') {
    throw new ItemFault('unknown_kind', 'kind', `is ${describeValue(kind)}; these points are telemetry`);
  }
  const deviceId = decodeDeviceId(given.get('device_id'), context.deviceId);
  const metrics = given.get('metrics');
  if (metrics !== undefined && metrics.value !== null) {
    decodeColumns(metrics, given, deviceId, builder);
    return;
  }
  const metric = required(given.get('metric'), 'metric', 'send the name of what was measured, or metrics');
  const value = required(
    given.get('value'),
    'value',
    'send a number, a boolean or a text, or leave the point out',
  );
  const timestamp = given.get('timestamp')?.value ?? null;
  const time = timestamp === null ? context.defaultTime : parsePointTime(timestamp);
  if (Number.isNaN(time)) throw new ItemFault('invalid_timestamp', 'timestamp', explainTimestamp(timestamp));
  const key = seriesKey(metric, 'metric', given.get('tags')?.value, 'tags');
  addValue(builder, builder.seriesIndex(deviceId, key), time, value, () => 'value');
}

function membersOf(input: Item): Map<Member, Given> {
  const given = new Map<Member, Given>();
  for (const name in input) {
    const member = members.get(name);
    if (member === undefined) {
      const path = formatPath([name]);
      throw new ItemFault(
        'unknown_field',
        path,
        'is no member of telemetry; send it as a tag or leave it out',
      );
    }
    if (member === null) continue;
    if (given.has(member))
      throw new ItemFault('duplicate_field', name, 'is given in both spellings; send one');
    given.set(member, { name, value: input[name] });
  }
  return given;
}

function decodeDeviceId(given: Given | undefined, fromEnvelope: string | undefined): string {
  if (given === undefined || given.value === null) {
    if (fromEnvelope !== undefined) return fromEnvelope;
    throw new ItemFault('missing_field', given?.name ?? 'device_id', 'is missing; send the id of the device');
  }
  const { name, value } = given;
  if (typeof value !== 'string') {
    throw new ItemFault('invalid_type', name, `must be text, not ${describeValue(value)}`);
  }
  if (!isDeviceId(value)) throw new ItemFault('invalid_device_id', name, explainDeviceId(value));
  if (fromEnvelope !== undefined && value !== fromEnvelope) {
    const detail = `is not the device_id of the envelope, ${fromEnvelope}; send one envelope per device`;
    throw new ItemFault('invalid_device_id', name, detail);
  }
  return value;
}

function required(given: Given | undefined, name: string, mend: string): unknown {
  if (given !== undefined && given.value !== null) return given.value;
  throw new ItemFault('missing_field', name, `is ${given === undefined ? 'missing' : 'null'}; ${mend}`);
}

function decodeColumns(
  metrics: Given,
  given: ReadonlyMap<Member, Given>,
  deviceId: string,
  builder: PointBatchBuilder,
): void {
  for (const name of ['metric', 'value', 'timestamp', 'tags'] as const) {
    if (given.has(name)) {
      throw new ItemFault(
        'unknown_field',
        name,
        `stands beside ${metrics.name}; send it within each of them`,
      );
    }
  }
  const { value } = metrics;
  if (!isObject(value)) {
    throw new ItemFault(
      'invalid_type',
      metrics.name,
      `must be an object of metrics, not ${describeValue(value)}`,
    );
  }
  for (const metric in value) decodeMetric(deviceId, metric, value[metric], metrics.name, builder);
}

function decodeMetric(
  deviceId: string,
  metric: string,
  column: unknown,
  parent: string,
  builder: PointBatchBuilder,
): void {
  const path = (...steps: (string | number)[]): string => formatPath([parent, metric, ...steps]);
  if (!isObject(column)) {
    throw new ItemFault(
      'invalid_type',
      path(),
      `must be an object of timestamps and values, not ${describeValue(column)}`,
    );
  }
  for (const name in column) {
    if (name === 'timestamps' || name === 'values' || name === 'tags') continue;
    throw new ItemFault('unknown_field', path(name), 'is none of timestamps, values and tags; leave it out');
  }
  const times = list(column['timestamps'], path('timestamps'));
  const values = list(column['values'], path('values'));
  if (times.length !== values.length) {
    const detail = `has ${values.length} elements and timestamps ${times.length}; send as many of both`;
    throw new ItemFault('invalid_type', path('values'), detail);
  }
  const key = seriesKey(metric, path(), column['tags'], path('tags'));
  if (values.length === 0) return;
  const series = builder.seriesIndex(deviceId, key);
  for (let place = 0; place < values.length; place += 1) {
    const time = parsePointTime(times[place]);
    if (Number.isNaN(time)) {
      throw new ItemFault('invalid_timestamp', path('timestamps', place), explainTimestamp(times[place]));
    }
    const value = values[place];
    if (typeof value === 'number' && Number.isFinite(value)) builder.addNumber(series, time, value);
    else addValue(builder, series, time, value, () => path('values', place));
  }
}

function list(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === undefined) throw new ItemFault('missing_field', name, 'is missing; send a list');
  throw new ItemFault('invalid_type', name, `must be a list, not ${describeValue(value)}`);
}

/** The canonical key of a metric and of tags as they stand in the item; `metricName` and `tagsName` are their paths. */
function seriesKey(metric: unknown, metricName: string, tags: unknown, tagsName: string): string {
  if (typeof metric !== 'string') {
    throw new ItemFault('invalid_type', metricName, `must be text, not ${describeValue(metric)}`);
  }
  const pairs = tags === undefined || tags === null ? [] : tagPairs(tags, tagsName);
  const key = encodeSeriesKey(metric, pairs);
  const fault = explainSeries(metric, pairs, key);
  if (fault === undefined) return key;
  if (fault.part === 'metric') throw new ItemFault(fault.code, metricName, fault.detail);
  if (fault.part === null)
    throw new ItemFault(fault.code, pairs.length === 0 ? metricName : tagsName, fault.detail);
  const name = (pairs[fault.part] as SeriesTag)[0];
  throw new ItemFault(fault.code, formatPath([tagsName, name]), fault.detail);
}

function tagPairs(tags: unknown, name: string): SeriesTag[] {
  if (!isObject(tags))
    throw new ItemFault('invalid_type', name, `must be an object, not ${describeValue(tags)}`);
  return Object.entries(tags).map(([tag, value]): SeriesTag => {
    if (typeof value === 'string') return [tag, value];
    const detail = `must be text, not ${describeValue(value)}; send it in quotes, or as a metric`;
    throw new ItemFault('invalid_type', formatPath([name, tag]), detail);
  });
}

/** @throws {ItemFault} where the value is neither a finite number nor a boolean nor a text that can be kept */
function addValue(
  builder: PointBatchBuilder,
  series: number,
  time: number,
  value: unknown,
  name: () => string,
): void {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) {
      throw new ItemFault('out_of_range', name(), `is ${describeValue(value)}; send a finite double`);
    }
    builder.addNumber(series, time, value);
  } else if (typeof value === 'boolean') {
    builder.addBoolean(series, time, value);
  } else if (typeof value === 'string') {
    const fault = textFault(value);
    if (fault !== undefined) throw new ItemFault('invalid_text', name(), fault);
    builder.addText(series, time, value);
  } else {
    const detail = `is ${describeValue(value)}; send a number, a boolean or a text, or leave the point out`;
    throw new ItemFault('invalid_type', name(), detail);
  }
}

const notANumber = /^[+-]?(?:nan|inf|infinity)$/i;

/** Says why a text is no value, undefined where it is one. */
export function textFault(text: string): string | undefined {
  if (text.length <= 9 && notANumber.test(text)) {
    return `is ${quoteText(text)}, which stands for no number; leave the point out`;
  }
  if (text.length * 3 > maxTextBytes) {
    const bytes = utf8Length(text);
    if (bytes > maxTextBytes) return `takes ${bytes} bytes; the limit of a text is ${maxTextBytes}`;
  }
  return text.isWellFormed() ? undefined : 'holds half of a surrogate pair; send well-formed Unicode';
}

function isObject(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
