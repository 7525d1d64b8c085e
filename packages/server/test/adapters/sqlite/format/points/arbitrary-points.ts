import fc from 'fast-check';
import type { PointColumns } from '../../../../../src/adapters/store/sealed/points/point-columns.ts';

/** One point, told as an object: what a block is compared with. */
export interface Point {
  readonly series: number;
  readonly time: number;
  readonly value: number | boolean | string;
}

const anyDouble = fc.double({ noNaN: true, noDefaultInfinity: true });
const decimal = fc.tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.nat({ max: 15 })).map(([digits, scale]) => {
  return digits / 10 ** scale;
});
const extreme = fc.constantFrom(
  0,
  -0,
  5e-324,
  -5e-324,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2 ** 53,
  0.1 + 0.2,
  1e15 + 0.5,
  1 / 3,
);
const anyNumber = fc.oneof(anyDouble, decimal, extreme, fc.float({ noNaN: true, noDefaultInfinity: true }));
const anyValue = fc.oneof(
  { weight: 6, arbitrary: anyNumber },
  fc.boolean(),
  fc.constantFrom('', 'on', 'off'),
  fc.string({ unit: 'grapheme' }),
);

const extremeTime = fc.constantFrom(Number.MIN_SAFE_INTEGER, -1, 0, 1, Number.MAX_SAFE_INTEGER);
const anyTime = fc.oneof(
  fc.maxSafeInteger(),
  extremeTime,
  fc.integer({ min: 0, max: 1e9 }).map((ms) => 1.76e15 + ms * 1e3),
);

/** Values of a run: of any mixture, or alike with a few that are not, as sensors send them. */
const anyValues: fc.Arbitrary<Point['value'][]> = fc.oneof(
  fc.array(anyValue, { minLength: 1, maxLength: 8 }),
  fc.array(anyDouble, { minLength: 1, maxLength: 70, size: 'max' }),
  fc
    .record({
      digits: fc.array(fc.integer({ min: -500, max: 500 }), { minLength: 1, maxLength: 120, size: 'max' }),
      scale: fc.nat({ max: 15 }),
      sum: fc.boolean(),
      odd: fc.array(fc.tuple(fc.nat({ max: 119 }), fc.oneof(anyValue, fc.constantFrom(-0, 1 / 3))), {
        maxLength: 3,
      }),
    })
    .map(({ digits, scale, sum, odd }) => {
      let before = 0;
      const values: Point['value'][] = digits.map((digit) => {
        before = sum ? before + digit : digit;
        return before / 10 ** scale;
      });
      for (const [place, value] of odd) if (place < values.length) values[place] = value;
      return values;
    }),
);

/** Times of a run: any at all, or regular with jitter, gaps and steps back. */
const anyTimes = fc.oneof(
  fc.record({ any: fc.array(anyTime, { minLength: 1, maxLength: 8 }) }),
  fc.record({
    start: anyTime.filter((time) => Math.abs(time) < 2 ** 52),
    unit: fc.constantFrom(1, 1e3, 1e6),
    every: fc.integer({ min: -3600, max: 3600 }),
    jitters: fc.array(fc.oneof(fc.integer({ min: -40, max: 40 }), fc.integer({ min: -1e6, max: 1e6 })), {
      minLength: 1,
      maxLength: 8,
    }),
  }),
);

function timeAt(times: typeof anyTimes extends fc.Arbitrary<infer T> ? T : never, index: number): number {
  if ('any' in times) return times.any[index % times.any.length] as number;
  const jitter = times.jitters[index % times.jitters.length] as number;
  return times.start + (index * times.every + jitter) * times.unit;
}

const anyRun = fc.record({
  gap: fc.oneof(fc.nat({ max: 2 }), fc.nat({ max: 1e8 })),
  values: anyValues,
  times: anyTimes,
});

/** Points of one to six series, in the order of a block: ascending series, times of any order within one. */
export const anyPoints: fc.Arbitrary<Point[]> = fc
  .array(anyRun, { minLength: 1, maxLength: 6 })
  .map((runs) => {
    let series = -1;
    return runs.flatMap(({ gap, values, times }) => {
      series += gap + 1;
      return values.map((value, index) => ({ series, time: timeAt(times, index), value }));
    });
  });

export function columnsOf(points: readonly Point[]): PointColumns {
  const texts = [...new Set(points.map(({ value }) => value).filter((value) => typeof value === 'string'))];
  // Not in the order of appearance, as in a table that many blocks share.
  texts.reverse();
  return {
    count: points.length,
    series: Int32Array.from(points, ({ series }) => series),
    times: Float64Array.from(points, ({ time }) => time),
    values: Float64Array.from(points, ({ value }) =>
      typeof value === 'string' ? texts.indexOf(value) : Number(value),
    ),
    kinds: Uint8Array.from(points, ({ value }) => ['number', 'boolean', 'string'].indexOf(typeof value)),
    texts,
  };
}

export function pointsOf(columns: PointColumns): Point[] {
  return Array.from({ length: columns.count }, (_none, index) => {
    const value = columns.values[index] as number;
    return {
      series: columns.series[index] as number,
      time: columns.times[index] as number,
      value: [value, value === 1, columns.texts[value] as string][
        columns.kinds[index] as number
      ] as Point['value'],
    };
  });
}
