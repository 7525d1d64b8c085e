import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lineNumber, lineTime } from '../../src/telemetry/line-mapping.ts';
import { findLineEnd, type Line, LineFault, parseLine } from '../../src/telemetry/line-protocol-line.ts';

/** InfluxData's decoder cases, which are not part of this repository: a copy beside it, or where the variable says. */
const file = fileURLToPath(
  new URL(
    'decode-cases.json',
    process.env['PISYNC_LINE_PROTOCOL_CORPUS'] === undefined
      ? new URL('../../../../../shared/corpora/line-protocol/', import.meta.url)
      : new URL(`file://${process.env['PISYNC_LINE_PROTOCOL_CORPUS']}/`),
  ),
);

interface CorpusValue {
  readonly [type: string]: unknown;
}

interface CorpusPoint {
  readonly name: string;
  readonly time: bigint | number;
  readonly tags: readonly { readonly key: string; readonly value: string }[];
  readonly fields: readonly { readonly key: string; readonly value: CorpusValue }[];
}

interface CorpusCase {
  readonly input: {
    readonly text: string | { readonly binary: string };
    readonly defaultTime: bigint | number;
    readonly precision: string;
  };
  readonly output: { readonly error?: string; readonly result?: readonly CorpusPoint[] };
}

/** What is refused on purpose though the corpus takes it. */
const refusals = [
  {
    reason: 'an integer beyond 2^53 - 1, which a double cannot hold',
    covers: (point: CorpusPoint) =>
      point.fields.some(({ value }) => {
        const whole = value['int'] ?? value['uint'];
        return whole !== undefined && BigInt(whole as bigint) ** 2n > BigInt(Number.MAX_SAFE_INTEGER) ** 2n;
      }),
  },
] as const;

/** `JSON.parse` that keeps integers exact. */
function parseExact(text: string): { decode: Record<string, CorpusCase> } {
  return JSON.parse(text, (_key, value, context?: { source?: string }) =>
    typeof value === 'number' && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source as string)
      : value,
  );
}

const nanoseconds: Readonly<Record<string, bigint>> = {
  '1ns': 1n,
  '1µs': 1000n,
  '1ms': 1_000_000n,
  '1s': 1_000_000_000n,
};
const names = { float: 'float', integer: 'int', unsigned: 'uint', boolean: 'bool', text: 'string' } as const;

/** A line in the form of the corpus; null where a number of it is out of range. */
function corpusPoint(line: Line, { defaultTime, precision }: CorpusCase['input']): unknown {
  const unit = nanoseconds[precision] as bigint;
  const byName = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
  if (line.time !== null && lineTime(line.time, 'ns') === undefined) return null;
  const fields = line.fields.map((field) => {
    const number = field.type === 'boolean' || field.type === 'text' ? field.value : lineNumber(field);
    // The corpus writes a negative zero as 0.
    const value = field.type === 'boolean' ? field.value === 'true' : number === 0 ? 0 : number;
    return { key: field.name, value: { [names[field.type]]: value } };
  });
  if (fields.some(({ value }) => Object.values(value)[0] === undefined)) return null;
  const time = line.time === null ? (BigInt(defaultTime) / unit) * unit : BigInt(line.time) * unit;
  return {
    name: line.measurement,
    time,
    tags: line.tags.map(([key, value]) => ({ key, value })).sort(byName),
    fields,
  };
}

function expectedPoint(point: CorpusPoint): unknown {
  const plain = (value: unknown) => (typeof value === 'bigint' ? Number(value) : value);
  return {
    name: point.name,
    time: BigInt(point.time),
    tags: point.tags,
    fields: point.fields.map(({ key, value }) => {
      const [[type, held] = []] = Object.entries(value);
      return { key, value: { [type as string]: plain(held) } };
    }),
  };
}

/** All lines of a case in the form of the corpus; `error` where one of them is refused. */
function decodeCase(input: CorpusCase['input']): unknown[] | 'error' {
  const bytes =
    typeof input.text === 'string' ? Buffer.from(input.text) : Buffer.from(input.text.binary, 'base64');
  const points: unknown[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = findLineEnd(bytes, at);
    const raw = bytes.subarray(at, end);
    if (!Buffer.from(raw.toString()).equals(raw)) return 'error';
    try {
      const line = parseLine(raw.toString());
      const point = line === null ? undefined : corpusPoint(line, input);
      if (point === null) return 'error';
      if (point !== undefined) points.push(point);
    } catch (fault) {
      if (!(fault instanceof LineFault)) throw fault;
      return 'error';
    }
    at = end + 1;
  }
  return points;
}

const missing = existsSync(file) ? false : `not run here: no decoder cases at ${file}`;

test('the decoder cases of InfluxData decode as stated, or are refused on purpose', {
  skip: missing,
}, (context) => {
  const cases = Object.entries(parseExact(readFileSync(file, 'utf8')).decode);
  assert.ok(cases.length > 3000);
  let decoded = 0;
  let failed = 0;
  const refused = refusals.map(() => 0);
  for (const [key, { input, output }] of cases) {
    const actual = decodeCase(input);
    const refusal = refusals.findIndex(({ covers }) => output.result?.some(covers) === true);
    if (refusal >= 0) {
      assert.equal(actual, 'error', `${key} is refused on purpose`);
      refused[refusal] = (refused[refusal] ?? 0) + 1;
    } else if (output.result === undefined) {
      assert.equal(actual, 'error', `${key}: ${output.error}`);
      failed += 1;
    } else {
      assert.deepEqual(actual, output.result.map(expectedPoint), key);
      decoded += 1;
    }
  }
  context.diagnostic(`${cases.length} cases: ${decoded} decoded as stated, ${failed} are errors as stated`);
  refusals.forEach(({ reason }, index) => {
    context.diagnostic(`${refused[index]} refused on purpose: ${reason}`);
    assert.ok((refused[index] as number) > 0, `no case is refused for: ${reason}`);
  });
});
