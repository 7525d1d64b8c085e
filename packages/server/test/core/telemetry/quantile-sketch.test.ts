import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { QuantileSketch } from '../../../src/core/telemetry/quantile-sketch.ts';
import { BINS_PER_OCTAVE, MAX_BINS, numberOfBin } from '../../../src/core/telemetry/sketch-bins.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 1000);

/** Of any size: so far apart that bins are given up. */
const anyNumber = fc.double({ noNaN: true, noDefaultInfinity: true });
/** Of sizes that no sensor leaves, both signs and zeros: no bins are given up. */
const measured = fc.oneof(
  // 56 octaves are nearly all bins that a sketch keeps.
  fc
    .tuple(
      fc.double({ min: 1, max: 2, noNaN: true }),
      fc.integer({ min: -28, max: 27 }),
      fc.constantFrom(1, -1),
    )
    .map(([digits, octave, sign]) => sign * digits * 2 ** octave),
  fc.constantFrom(0, -0),
  fc.double({ min: -1e8, max: 1e8, noNaN: true }).filter((value) => Math.abs(value) > 1e-8),
  fc.integer({ min: -1000, max: 1000 }).map((value) => value / 10),
);
const list = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: 1, maxLength: 300 });

function sketchOf(values: readonly number[]): QuantileSketch {
  const sketch = new QuantileSketch();
  sketch.addAll(Float64Array.from(values), 0, values.length);
  return sketch;
}

const sorted = (values: readonly number[]) => Float64Array.from(values).sort();
const hex = (sketch: QuantileSketch) => Buffer.from(sketch.toBytes()).toString('hex');
const q = fc.oneof(fc.constantFrom(0, 0.5, 0.95, 0.99, 1), fc.double({ min: 0, max: 1, noNaN: true }));

describe('a quantile sketch', () => {
  test('tells every quantile with a relative error of at most 1 %', () => {
    let worst = 0;
    fc.assert(
      fc.property(list(measured), q, (values, wanted) => {
        const exact = sorted(values)[Math.floor(wanted * (values.length - 1))]!;
        const told = sketchOf(values).quantile(wanted);
        const error = exact === 0 ? Math.abs(told) : Math.abs((told - exact) / exact);
        worst = Math.max(worst, error);
        assert.ok(error <= 0.01 + 1e-12, `${told} for ${exact}`);
      }),
      { numRuns: numRuns * 3 },
    );
    // A sketch that kept all numbers would prove nothing about its bins.
    assert.ok(worst > 0.005, `${worst}`);
  });

  test('tells numbers far below the largest as nearly nothing, and the large ones as before', () => {
    fc.assert(
      fc.property(list(anyNumber), q, (values, wanted) => {
        const exact = sorted(values)[Math.floor(wanted * (values.length - 1))]!;
        const told = sketchOf(values).quantile(wanted);
        const largest = values.reduce(
          (most, value) => (value < 0 === exact < 0 ? Math.max(most, Math.abs(value)) : most),
          0,
        );
        const close = Math.abs(told - exact) <= Math.abs(exact) * (0.01 + 1e-12);
        const tiny = Math.abs(exact) < 2 ** -1022 && told === 0;
        const collapsed = Math.abs(exact) <= largest * 1e-17 && Math.abs(told) <= largest * 1e-16;
        assert.ok(close || tiny || collapsed, `${told} for ${exact}`);
      }),
      { numRuns },
    );
  });

  test('merged from parts, in any order, is the sketch of all', () => {
    const parts = fc.array(fc.array(fc.oneof(anyNumber, measured), { maxLength: 60 }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(parts, fc.nat({ max: 7 }), (lists, turn) => {
        const all = sketchOf(lists.flat());
        const merged = new QuantileSketch();
        for (let i = 0; i < lists.length; i += 1) merged.merge(sketchOf(lists[(i + turn) % lists.length]!));
        assert.equal(hex(merged), hex(all));
        assert.equal(hex(sketchOf(lists.flat().reverse())), hex(all));
        assert.equal(hex(sketchOf([...sorted(lists.flat())])), hex(all));
        assert.equal(merged.count, all.count);
      }),
      { numRuns },
    );
  });

  test('comes back from its bytes, and takes more afterwards', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(anyNumber, measured), { maxLength: 100 }),
        list(measured),
        (values, more) => {
          const sketch = QuantileSketch.fromBytes(sketchOf(values).toBytes());
          assert.equal(hex(sketch), hex(sketchOf(values)));
          for (const value of more) sketch.add(value);
          assert.equal(hex(sketch), hex(sketchOf([...values, ...more])));
        },
      ),
      { numRuns },
    );
  });

  test('keeps every bin while no more are needed than it may have, however they come', () => {
    const wide = [1, 2 ** 45, 2 ** -5, 2 ** 50, 2 ** -7.5, 2 ** 20];
    for (let turn = 0; turn < wide.length; turn += 1) {
      const turned = [...wide.slice(turn), ...wide.slice(0, turn)];
      for (const [rank, exact] of sorted(wide).entries())
        assert.ok(Math.abs(sketchOf(turned).quantile(rank / 5) / exact - 1) <= 0.01 + 1e-12);
    }
    assert.equal(hex(sketchOf([0, -0])), hex(sketchOf([-0, 0])));
    assert.equal(hex(sketchOf([-0])), hex(sketchOf([0])));
  });

  test('keeps counts above 2^32, and merging leaves the other as it was', () => {
    const sketch = sketchOf([1, 1, 2, 3, -4, 0]);
    const once = hex(sketch);
    let doubled = new QuantileSketch();
    doubled.merge(sketch);
    assert.equal(hex(sketch), once);
    for (let i = 0; i < 40; i += 1) {
      const next = QuantileSketch.fromBytes(doubled.toBytes());
      next.merge(doubled);
      doubled = next;
    }
    assert.equal(doubled.count, 6 * 2 ** 40);
    assert.equal(QuantileSketch.fromBytes(doubled.toBytes()).count, 6 * 2 ** 40);
    assert.ok(Math.abs(doubled.quantile(0.4) - 1) <= 0.01 + 1e-12);
  });

  test('equal numbers are told exactly, and nothing outside of what was added', () => {
    fc.assert(
      fc.property(measured, fc.integer({ min: 1, max: 50 }), q, (value, count, wanted) => {
        assert.equal(sketchOf(new Array<number>(count).fill(value)).quantile(wanted), value + 0);
      }),
    );
    fc.assert(
      fc.property(list(anyNumber), q, (values, wanted) => {
        const told = sketchOf(values).quantile(wanted);
        const order = sorted(values);
        assert.ok(told >= order[0]! && told <= order.at(-1)!);
      }),
    );
  });

  test('of nothing has no quantile; 0 to 1 is all that can be asked', () => {
    assert.ok(Number.isNaN(new QuantileSketch().quantile(0.5)));
    for (const wrong of [-0.1, 1.1, Number.NaN, 50])
      assert.throws(() => sketchOf([1]).quantile(wrong), TypeError);
  });

  test('has bounded bytes, and few for a sensor', () => {
    const wide = Array.from(
      { length: 60_000 },
      (_, i) => (i % 2 === 0 ? 1 : -1) * 1.01 ** (i % 30_000) * 1e-130,
    );
    assert.ok(sketchOf(wide.filter(Number.isFinite)).toBytes().length < 2 * MAX_BINS * 2);
    const sensor = Array.from({ length: 10_000 }, (_, i) => 20 + 5 * Math.sin(i / 500));
    assert.ok(sketchOf(sensor).toBytes().length < 100);
  });

  test('refuses bytes that are no sketch, whatever was changed in them', () => {
    const damaged = { code: 'store_damaged' };
    const whole = sketchOf([1, 2, 3, -5, 1e6, 0]).toBytes();
    for (let length = 0; length < whole.length; length += 1) {
      assert.throws(() => QuantileSketch.fromBytes(whole.slice(0, length)), damaged);
    }
    assert.throws(() => QuantileSketch.fromBytes(Uint8Array.of(...whole, 0)), damaged);
    assert.throws(() => QuantileSketch.fromBytes(Uint8Array.of(2, ...whole.slice(1))), damaged);
    const ends = [...new Uint8Array(16)];
    // One bin of key 128 with count 3; then without a count, ending empty, beginning empty, with an empty run of zeros.
    assert.equal(QuantileSketch.fromBytes(Uint8Array.of(1, 0, 1, 128, 1, 3, 0, ...ends)).count, 3);
    for (const bins of [
      [1, 128, 1, 0, 1],
      [2, 128, 1, 3, 0, 1],
      [2, 128, 1, 3, 0, 9],
      [2, 128, 1, 0, 1, 3],
      [3, 128, 1, 3, 0, 0, 3, 3],
      [1, 34, 3], // no double has this key,
      [1, 255, 255, 7, 3], // nor this;
      [129, 16, 128, 1, 3, 0, 255, 15, 3], // and there may not be 2,049 bins
    ]) {
      assert.throws(
        () => QuantileSketch.fromBytes(Uint8Array.of(1, 0, ...bins, 0, ...ends)),
        damaged,
        `${bins}`,
      );
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(), (noise, at) => {
        const bytes = whole.slice();
        bytes.set(noise.subarray(0, bytes.length - (at % bytes.length)), at % bytes.length);
        for (const candidate of [noise, Uint8Array.of(1, ...noise), bytes]) {
          try {
            const sketch = QuantileSketch.fromBytes(candidate);
            assert.ok(
              Number.isSafeInteger(sketch.count) &&
                hex(QuantileSketch.fromBytes(sketch.toBytes())) === hex(sketch),
            );
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'store_damaged');
          }
        }
      }),
      { numRuns },
    );
  });
});

describe('the bins of a sketch', () => {
  test('each hold their own number, and numbers grow with keys', () => {
    let last = 0;
    for (let key = BINS_PER_OCTAVE; key < 2047 * BINS_PER_OCTAVE; key += 1) {
      const number = numberOfBin(key);
      assert.ok(number > last && number / last > 1.005, `${key}`);
      last = number;
    }
    assert.ok(Number.isFinite(last));
    for (const value of [1, 2, 1.5, 1e300, 2.3e-308, 255.99999999999997, 256]) {
      const sketch = sketchOf([value / 2, value, value, value * 2]);
      assert.ok(Math.abs(sketch.quantile(0.5) / value - 1) <= 0.01 + 1e-12);
    }
  });
});
