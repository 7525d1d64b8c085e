import { isDeviceId } from '../../src/event/device-id.ts';
import { encodeSeriesKey, explainSeries } from '../../src/telemetry/series-key.ts';

/** A point as a row. */
export interface Row {
  readonly deviceId: string;
  readonly key: string;
  readonly time: number;
  readonly kind: number;
  readonly value: number | string;
}

/** A body read slowly and plainly. */
export interface ReferenceResult {
  readonly rows: Row[];
  readonly bad: { readonly line: number; readonly text: string }[];
  readonly lines: number;
}

const measurementForm = /(?:\\[ ,]|(?!\\[ ,])[^\0-\x20\x7f,])+/y;
const nameForm = /(?:\\[ ,=]|(?!\\[ ,=])[^\0-\x20\x7f,=])+/y;
const tagValueForm = /(?:\\[ ,=]|(?!\\[ ,=])[^\r\n ,=])+/y;
const textForm = /"((?:\\["\\]|(?!\\["\\])[^"])*)"/y;
const numberForm = /(-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|-?\d+i|\d+u)(?=[ ,\r\n]|$)/y;
const booleanForm = /(true|True|TRUE|t|T|false|False|FALSE|f|F)(?=[ ,\r\n]|$)/y;
const timeForm = /-?\d+(?=[ \r\n]|$)/y;
const endForm = /\r?(?:\n|$)/y;
const blankForm = / *\r?(?:\n|$)/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the format refuses in a comment.
const commentForm = / *#[^\0-\x1f\x7f]*\r?(?:\n|$)/y;
const spaces = / */y;

class Cursor {
  readonly text: string;
  at: number;

  constructor(text: string, at: number) {
    this.text = text;
    this.at = at;
  }

  take(form: RegExp): string | undefined {
    form.lastIndex = this.at;
    const match = form.exec(this.text);
    if (match === null) return undefined;
    this.at = form.lastIndex;
    return match[1] ?? match[0];
  }

  need(form: RegExp): string {
    const taken = this.take(form);
    if (taken === undefined) throw new SyntaxError(`${form} at ${this.at}`);
    return taken;
  }
}

type Value = { kind: 'text' | 'boolean' | 'number'; text: string };

function readValue(cursor: Cursor): Value {
  const text = cursor.take(textForm);
  if (text !== undefined) return { kind: 'text', text: text.replace(/\\(["\\])/g, '$1') };
  const boolean = cursor.take(booleanForm);
  if (boolean !== undefined) return { kind: 'boolean', text: boolean };
  return { kind: 'number', text: cursor.need(numberForm) };
}

function readLine(cursor: Cursor) {
  const plain = (text: string) => text.replace(/\\([ ,=])/g, '$1');
  cursor.take(spaces);
  const measurement = cursor.need(measurementForm).replace(/\\([ ,])/g, '$1');
  const tags = new Map<string, string>();
  while (cursor.take(/,/y) !== undefined) {
    const name = plain(cursor.need(nameForm));
    cursor.need(/=/y);
    if (tags.has(name)) throw new SyntaxError('twice');
    tags.set(name, plain(cursor.need(tagValueForm)));
  }
  cursor.need(/ +/y);
  const fields: [string, Value][] = [];
  do {
    const name = plain(cursor.need(nameForm));
    cursor.need(/=/y);
    fields.push([name, readValue(cursor)]);
  } while (cursor.take(/,/y) !== undefined);
  let time: string | undefined;
  if (cursor.take(/ +/y) !== undefined) {
    time = cursor.take(timeForm);
    cursor.take(spaces);
  }
  cursor.need(endForm);
  return { measurement, tags, fields, time };
}

function microseconds(digits: string, factor: bigint, divisor: bigint): number | undefined {
  const given = BigInt(digits);
  if (given >= 2n ** 63n || given < -(2n ** 63n)) return undefined;
  let time = (given * factor) / divisor;
  if (given < 0n && time * divisor !== given * factor) time -= 1n;
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(time > limit ? limit : time < -limit ? -limit : time);
}

const units: Readonly<Record<string, readonly [factor: bigint, divisor: bigint]>> = {
  ns: [1n, 1000n],
  us: [1n, 1n],
  ms: [1000n, 1n],
  s: [1_000_000n, 1n],
  m: [60_000_000n, 1n],
  h: [3_600_000_000n, 1n],
};

function rowsOf(
  line: ReturnType<typeof readLine>,
  precision: string,
  defaultTime: number,
): Row[] | undefined {
  const named = ['device_id', 'device', 'host'].find((name) => line.tags.has(name));
  const deviceId = line.tags.get(named ?? '');
  if (named === undefined || deviceId === undefined || !isDeviceId(deviceId)) return undefined;
  const tags = [...line.tags].filter(([name]) => name !== named);
  const [factor, divisor] = units[precision] as readonly [bigint, bigint];
  const time = line.time === undefined ? defaultTime : microseconds(line.time, factor, divisor);
  if (time === undefined) return undefined;
  const rows: Row[] = [];
  for (const [name, { kind, text }] of line.fields) {
    const metric = name === 'value' ? line.measurement : `${line.measurement}.${name}`;
    const key = encodeSeriesKey(metric, tags);
    if (explainSeries(metric, tags, key) !== undefined) return undefined;
    if (kind === 'text') {
      if (new TextEncoder().encode(text).length > 4096) return undefined;
      rows.push({ deviceId, key, time, kind: 2, value: text });
    } else if (kind === 'boolean') {
      rows.push({ deviceId, key, time, kind: 1, value: /^t/i.test(text) ? 1 : 0 });
    } else {
      const whole = /[iu]$/.test(text);
      const value = whole ? Number(BigInt(text.slice(0, -1))) : Number(text);
      if (whole ? !Number.isSafeInteger(value) : !Number.isFinite(value)) return undefined;
      rows.push({ deviceId, key, time, kind: 0, value });
    }
  }
  return rows;
}

/** Reads a body line by line, by regular expressions and with no memory: what the decoder must agree with. */
export function referenceDecode(body: string, precision: string, defaultTime: number): ReferenceResult {
  const result: ReferenceResult = { rows: [], bad: [], lines: 0 };
  let lines = 0;
  let line = 1;
  for (let at = 0; at < body.length; ) {
    const cursor = new Cursor(body, at);
    let end: number;
    if (cursor.take(blankForm) !== undefined || cursor.take(commentForm) !== undefined) {
      end = cursor.at;
    } else {
      lines += 1;
      let rows: Row[] | undefined;
      try {
        if (cursor.take(/ *#/y) !== undefined) throw new SyntaxError('comment');
        const read = readLine(cursor);
        rows = rowsOf(read, precision, defaultTime);
        end = cursor.at;
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        const feed = body.indexOf('\n', at);
        end = feed < 0 ? body.length : feed + 1;
      }
      if (rows === undefined) result.bad.push({ line, text: body.slice(at, end).replace(/\r?\n?$/, '') });
      else result.rows.push(...rows);
    }
    line += body.slice(at, end).split('\n').length - 1;
    at = end;
  }
  return { ...result, lines };
}
