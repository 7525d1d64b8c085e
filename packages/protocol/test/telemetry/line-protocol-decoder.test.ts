import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { hashFactor, hashStart, KnownSeries } from '../../src/telemetry/known-series.ts';
import type { LinePrecision } from '../../src/telemetry/line-mapping.ts';
import { type DecodedLines, LineProtocolDecoder } from '../../src/telemetry/line-protocol-decoder.ts';
import { arbitraryBody } from './arbitrary-lines.ts';
import { type Row, referenceDecode } from './reference-line-decoder.ts';
import { rowsOfBatch } from './rows-of-batch.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);
const encoder = new TextEncoder();
const defaultTime = 1_763_800_000_123_456;

interface Settings {
  readonly known?: KnownSeries;
  readonly precision?: LinePrecision;
  readonly chunk?: number;
  readonly maxLineBytes?: number;
  readonly maxPoints?: number;
}

function decoderFor(settings: Settings): LineProtocolDecoder {
  const { known = new KnownSeries(), precision = 'us', maxLineBytes = 20_000, maxPoints = 10_000 } = settings;
  return new LineProtocolDecoder({ known, precision, defaultTime, maxLineBytes, maxPoints });
}

function decode(body: string | Uint8Array, settings: Settings = {}): DecodedLines {
  const decoder = decoderFor(settings);
  const bytes = typeof body === 'string' ? encoder.encode(body) : body;
  const chunk = settings.chunk ?? 1_000_000;
  for (let at = 0; at < bytes.length; at += chunk) decoder.push(bytes.slice(at, at + chunk));
  return decoder.end();
}

function only(body: string, settings?: Settings): Row {
  const decoded = decode(body, settings);
  assert.deepEqual(decoded.errors, []);
  assert.equal(decoded.batch.count, 1);
  return rowsOfBatch(decoded.batch)[0] as Row;
}

describe('line protocol', () => {
  test('decodes as a plain reading of the format does, for any lines, chunks and memory', () => {
    let good = 0;
    let bad = 0;
    let known = new KnownSeries();
    fc.assert(
      fc.property(
        arbitraryBody,
        fc.constantFrom<LinePrecision>('ns', 'us', 'us', 'ms', 's', 'm', 'h'),
        fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(1_000_000)),
        fc.integer({ min: -60, max: 29 }),
        (body, precision, chunk, forget) => {
          if (forget >= 0) known = new KnownSeries(forget > 9 ? {} : { maxEntries: forget });
          const expected = referenceDecode(body, precision, defaultTime);
          // The second time all series are known, and lines take the other way.
          for (let round = 0; round < 2; round += 1) {
            const { batch, errors, lines } = decode(body, { known, precision, chunk });
            assert.deepEqual(rowsOfBatch(batch), expected.rows);
            assert.deepEqual(
              errors.map(({ line, text }) => ({ line, text })),
              expected.bad,
            );
            assert.equal(lines, expected.lines);
          }
          good += expected.rows.length;
          bad += expected.bad.length;
        },
      ),
      { numRuns },
    );
    assert.ok(good > bad && bad > good / 20, `${good} good, ${bad} bad`);
  });

  test('decodes bodies that arrive at the same time, each by itself', () => {
    fc.assert(
      fc.property(arbitraryBody, arbitraryBody, fc.integer({ min: 1, max: 50 }), (one, two, chunk) => {
        const known = new KnownSeries({ maxEntries: chunk });
        const bodies = [one, two].map((body) => encoder.encode(body));
        const decoders = bodies.map(() => decoderFor({ known }));
        for (let at = 0; at < Math.max(...bodies.map((body) => body.length)); at += chunk) {
          bodies.forEach((body, index) => {
            decoders[index]?.push(body.slice(at, at + chunk));
          });
        }
        [one, two].forEach((body, index) => {
          const expected = referenceDecode(body, 'us', defaultTime);
          assert.deepEqual(rowsOfBatch((decoders[index] as LineProtocolDecoder).end().batch), expected.rows);
        });
      }),
      { numRuns: numRuns / 4 },
    );
  });

  test('makes device, metric and tags of a line', () => {
    assert.deepEqual(only('weather,host=pi-1,site=a,alt=3 temperature=23.45 1763800000000000'), {
      deviceId: 'pi-1',
      key: 'weather.temperature,alt=3,site=a',
      time: 1_763_800_000_000_000,
      kind: 0,
      value: 23.45,
    });
    assert.equal(only('temp,host=h1,device=d1 value=1').deviceId, 'd1');
    assert.equal(only('temp,host=h1,device=d1 value=1').key, 'temp,host=h1');
    assert.equal(
      only('temp,unit=u1 value=1', { known: new KnownSeries({ deviceTags: ['unit'] }) }).deviceId,
      'u1',
    );
  });

  test('takes times of every precision, finer ones cut off towards the past, and the given one where there is none', () => {
    const line = (time: string) => `t,host=a value=1 ${time}`;
    assert.equal(only(line('1763800000000000999'), { precision: 'ns' }).time, 1_763_800_000_000_000);
    assert.equal(only(line('-1'), { precision: 'ns' }).time, -1);
    assert.equal(only(line('1763800000123'), { precision: 'ms' }).time, 1_763_800_000_123_000);
    assert.equal(only(line('1763800000'), { precision: 's' }).time, 1_763_800_000_000_000);
    assert.equal(only(line('29396666'), { precision: 'm' }).time, 29_396_666 * 6e7);
    assert.equal(only(line('489944'), { precision: 'h' }).time, 489_944 * 3.6e9);
    assert.equal(only(line(''), { precision: 'h' }).time, defaultTime);
    assert.equal(only(line('9223372036854775807')).time, Number.MAX_SAFE_INTEGER);
    assert.equal(only(line('-9223372036854775808')).time, Number.MIN_SAFE_INTEGER);
  });

  test('gives every finite double back bit for bit', () => {
    const known = new KnownSeries();
    const anyDouble = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.oneof(fc.double({ min: -1000, max: 1000, noNaN: true }), anyDouble), (value) => {
        const text = Object.is(value, -0) ? '-0' : String(value);
        assert.ok(Object.is(only(`t,host=a value=${text}\n`, { known }).value, value));
      }),
      { numRuns },
    );
  });

  test('says what is wrong with a line, and which', () => {
    const cases: readonly [line: string, code: string, field: string | null, detail: RegExp][] = [
      ['weather,site=a t=1', 'missing_field', 'device_id', /add device_id or device or host/],
      ['weather,host=a\\ b t=1', 'invalid_device_id', 'host', /U\+0020/],
      ['weather,host=a t=9007199254740993i', 'out_of_range', 't', /cannot hold/],
      ['weather,host=a t=1e999', 'out_of_range', 't', /too large/],
      ['weather,host=a t=1 99999999999999999999', 'invalid_timestamp', 'time', /64 bits/],
      ['weather,host=a,x=\u0001 t=1', 'invalid_text', 'x', /control character/],
      [`weather,host=a t="${'x'.repeat(4097)}"`, 'invalid_text', 't', /4097 bytes/],
      [`weather,host=a ${'x'.repeat(200)}=1`, 'invalid_text', 'x'.repeat(200), /metric/],
      ['weather,host=a t=nan', 'invalid_line', null, /"t".*neither a number/],
      ['weather,host=a,x=1,x=2 t=1', 'invalid_line', null, /twice/],
      ['weather,host=a', 'invalid_line', null, /fields should follow/],
      ['weather,host=a t="x', 'invalid_line', null, /closing quote/],
    ];
    const known = new KnownSeries();
    decode('weather,host=a t=1', { known });
    for (const [line, code, field, detail] of cases) {
      const { batch, errors, lines } = decode(`t,host=a value=1\n${line}\nt,host=a value=2\n`, { known });
      assert.deepEqual(
        errors.map((error) => [error.line, error.code, error.field]),
        [[2, code, field]],
        line,
      );
      assert.equal(errors[0]?.text, line);
      assert.match(errors[0]?.detail ?? '', detail);
      assert.deepEqual([...batch.values], [1, 2]);
      assert.equal(lines, 3);
    }
  });

  test('refuses bytes that are not UTF-8, alone', () => {
    const body = Buffer.from(
      't,host=a value=1\nt,host=a,x=\xff value=1\nt,host=a value="\xc3"\nt,host=a value=2',
      'latin1',
    );
    for (const chunk of [1, 7, 1000]) {
      const { batch, errors } = decode(body, { chunk });
      assert.deepEqual(
        errors.map(({ line, code }) => [line, code]),
        [
          [2, 'invalid_line'],
          [3, 'invalid_line'],
        ],
      );
      assert.deepEqual([...batch.values], [1, 2]);
    }
  });

  test('passes over a line that is too long, whatever the chunks', () => {
    const long = 'x'.repeat(190);
    const body = `t,host=a value=1\nt,host=a,x=${long},y=${long} value=1\nt,host=a s="${long}\n${long}\nt,host=a value=2\n`;
    const known = new KnownSeries();
    decode(body, { known });
    for (const chunk of [1, 10, 99, 100, 101, 250, 10_000]) {
      const { batch, errors } = decode(body, { known, chunk, maxLineBytes: 100 });
      assert.deepEqual([...batch.values], [1, 2]);
      assert.deepEqual(
        errors.map(({ line, code }) => [line, code]),
        [
          [2, 'item_too_large'],
          [3, 'item_too_large'],
          [4, 'item_too_large'],
        ],
      );
      assert.ok(errors.every(({ text, truncated }) => text.length === 100 && truncated));
    }
  });

  test('loses only the line that forgot its quotes', () => {
    const many = 't,host=a value=1\n'.repeat(20);
    for (const chunk of [3, 1000]) {
      const { batch, errors } = decode(`t,host=a s="open\n${many}`, { chunk, maxLineBytes: 100 });
      assert.equal(batch.count, 20);
      assert.deepEqual(
        errors.map(({ line, text }) => [line, text]),
        [[1, 't,host=a s="open']],
      );
    }
  });

  test('stops at too many points', () => {
    for (const known of [new KnownSeries(), new KnownSeries()]) {
      decode('t,host=a value=1', { known });
      assert.equal(decode('t,host=a value=1\n'.repeat(3), { known, maxPoints: 3 }).broken, null);
      assert.equal(
        decode('t,host=a value=1\n'.repeat(4), { known, maxPoints: 3 }).broken?.code,
        'too_many_items',
      );
    }
    assert.equal(decode('t,host=a a=1,b=2,c=3,d=4', { maxPoints: 3 }).broken?.code, 'too_many_items');
  });

  test('remembers no more than it may, keeps what it has, and begins anew when that is of no use', () => {
    const known = new KnownSeries({ maxEntries: 10 });
    const body = (from: number) =>
      Array.from({ length: 8 }, (_, index) => `t,host=a${from + index} value=1\n`).join('');
    const table = known.table();
    const first = decode(body(0), { known }).batch.series;
    assert.equal(first.length, 8);
    assert.equal(table.count, 10);
    const again = decode(body(0), { known }).batch.series;
    assert.deepEqual(again, first);
    assert.ok(first[0] === again[0] && first[7] !== again[7]);
    for (let round = 0; round < 20; round += 1) {
      assert.equal(decode(body(100), { known }).batch.series.length, 8);
    }
    assert.equal(table.count, 10);
    assert.notEqual(known.table(), table);
    const small = new KnownSeries({ maxBytes: 30 });
    decode(body(0), { known: small });
    assert.ok(small.table().count < 6);
    const escaped = new KnownSeries({ maxEntries: 10 });
    decode(Array.from({ length: 30 }, (_, index) => `t,host=a,x=\\ ${index} value=1\n`).join(''), {
      known: escaped,
    });
    assert.equal(escaped.table().series, 10);
  });

  test('tells names apart whose hashes collide', () => {
    const seen = new Map<number, string>();
    let pair: readonly [string, string] | undefined;
    for (let id = 0; pair === undefined; id += 1) {
      const head = `t,host=${String(id).padStart(7, 'a')}`;
      let hash = hashStart;
      for (const code of encoder.encode(head)) hash = Math.imul(hash ^ code, hashFactor);
      const other = seen.get(hash);
      if (other !== undefined) pair = [other, head];
      seen.set(hash, head);
    }
    const body = pair.map((head) => `${head} value=1 1\n`).join('');
    const known = new KnownSeries();
    for (let round = 0; round < 2; round += 1) {
      const { batch } = decode(body.repeat(2), { known });
      assert.deepEqual(rowsOfBatch(batch), referenceDecode(body.repeat(2), 'us', defaultTime).rows);
      assert.equal(batch.series.length, 2);
    }
  });

  test('gives the same object for a series however its line spells it', () => {
    const known = new KnownSeries();
    const one = decode('t,host=a,x=1,y=2 value=1', { known }).batch.series[0];
    for (let round = 0; round < 2; round += 1) {
      const { series } = decode('t,y=2,x=1,host=a value=1\nt,host=a,x=1,y=2 value=1', { known }).batch;
      assert.ok(series.length === 1 && series[0] === one);
    }
  });

  test('reads many series beside each other, those of a growing table too', () => {
    const known = new KnownSeries();
    const lines = Array.from(
      { length: 3000 },
      (_, id) => `m${id % 7},host=pi-${id},site=s${id % 3} f${id % 5}=${id} ${id}\n`,
    );
    for (let round = 0; round < 3; round += 1) {
      const body = lines.slice(round * 100).join('') + lines.toReversed().join('');
      const { batch, errors } = decode(body, { known, precision: 'us' });
      assert.deepEqual(errors, []);
      assert.deepEqual(rowsOfBatch(batch), referenceDecode(body, 'us', defaultTime).rows);
      assert.equal(batch.series.length, 3000);
    }
  });
});
