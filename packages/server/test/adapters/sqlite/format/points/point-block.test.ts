import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import fc from 'fast-check';
import {
  decodePointBlock,
  decodePointSeries,
  encodePointBlock,
  readPointHead,
} from '../../../../../src/adapters/store/sealed/points/point-block.ts';
import {
  MAX_BLOCK_POINTS,
  type PointColumns,
  pointSpace,
} from '../../../../../src/adapters/store/sealed/points/point-columns.ts';
import { anyPoints, columnsOf, type Point, pointsOf } from './arbitrary-points.ts';

function blockOf(points: readonly Point[], level = 1): Buffer {
  return encodePointBlock(columnsOf(points), 0, points.length, level);
}

/** The same sequence of numbers from 0 to 1 in every run. */
function sequence(seed = 12345): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function series(length: number, point: (index: number) => Omit<Point, 'series'>, each = length): Point[] {
  return Array.from({ length }, (_none, index) => ({ series: Math.floor(index / each), ...point(index) }));
}

const start = 1.7637e15;

function walk(length: number, each = length): Point[] {
  const next = sequence();
  let value = 21.37;
  const step = (index: number): Omit<Point, 'series'> => {
    value = Math.round((value + next() - 0.5) * 100) / 100;
    return { time: start + index * 1e6 + Math.round(next() * 40 - 20) * 1e3, value };
  };
  return series(length, step, each);
}

function counter(length: number): Point[] {
  const next = sequence();
  let value = 1000;
  return series(length, (index) => {
    value += Math.floor(next() * 4);
    return { time: start + index * 1e7, value };
  });
}

describe('point block', () => {
  test('any points survive, bit for bit, whatever was encoded before', () => {
    fc.assert(
      fc.property(anyPoints, fc.constantFrom(1, 3), (points, level) => {
        // Strict equality tells -0 from 0, so that no double may change at all.
        assert.deepStrictEqual(pointsOf(decodePointBlock(blockOf(points, level))), points);
      }),
      { numRuns: 600 },
    );
  });

  test('a block is the same whatever was encoded before it', () => {
    fc.assert(
      fc.property(anyPoints, anyPoints, (points, others) => {
        const block = blockOf(points);
        blockOf(others);
        assert.ok(block.equals(blockOf(points)));
      }),
    );
  });

  test('a window of larger columns is a block of its own', () => {
    fc.assert(
      fc.property(anyPoints, fc.nat(), fc.nat(), (points, a, b) => {
        const from = a % points.length;
        const to = from + 1 + (b % (points.length - from));
        const block = encodePointBlock(columnsOf(points), from, to, 1);
        assert.deepStrictEqual(pointsOf(decodePointBlock(block)), points.slice(from, to));
      }),
    );
  });

  test('the points of one series are those that belong to it', () => {
    fc.assert(
      fc.property(anyPoints, (points) => {
        const block = blockOf(points);
        const numbers = new Set(points.flatMap(({ series: number }) => [number, number + 1]));
        for (const number of [...numbers, 0]) {
          const own = points.filter((point) => point.series === number);
          assert.deepStrictEqual(pointsOf(decodePointSeries(block, number)), own);
        }
      }),
    );
  });

  test('a space that is used again takes the points of each block', () => {
    const space = pointSpace();
    fc.assert(
      fc.property(anyPoints, (points) => {
        const block = blockOf(points);
        const columns = decodePointBlock(block, space);
        assert.equal(columns.times, space.times);
        assert.deepStrictEqual(pointsOf(columns), points);
        const number = points.at(-1)?.series as number;
        const own = points.filter((point) => point.series === number);
        assert.deepStrictEqual(pointsOf(decodePointSeries(block, number, space)), own);
      }),
    );
  });

  test('full blocks of one series, of three points each and of one point each survive', () => {
    for (const each of [MAX_BLOCK_POINTS, 3, 1]) {
      const points = walk(MAX_BLOCK_POINTS, each);
      const block = blockOf(points);
      assert.deepStrictEqual(pointsOf(decodePointBlock(block)), points);
      const last = points.at(-1)?.series as number;
      const own = points.filter((point) => point.series === last);
      assert.deepStrictEqual(pointsOf(decodePointSeries(block, last)), own);
    }
  });

  test('texts as long as they may be survive, each kept once, and so do the blocks after them', () => {
    const long = series(2400, (index) => ({ time: index, value: `${index % 600} `.padEnd(4096, 'é') }));
    const block = blockOf(long);
    assert.deepStrictEqual(pointsOf(decodePointBlock(block)), long);
    assert.equal(decodePointBlock(block).texts.length, 600);
    const points = walk(100);
    assert.deepStrictEqual(pointsOf(decodePointBlock(blockOf(points))), points);
  });

  test('the head says what the points say, and figures where there is one series', () => {
    fc.assert(
      fc.property(anyPoints, (points) => {
        const head = readPointHead(blockOf(points));
        const times = points.map(({ time }) => time);
        const numbers = points.map(({ value }) => value).filter((value) => typeof value === 'number');
        assert.equal(head.count, points.length);
        assert.equal(head.firstSeries, points[0]?.series);
        assert.equal(head.lastSeries, points.at(-1)?.series);
        assert.equal(head.minTime, Math.min(...times));
        assert.equal(head.maxTime, Math.max(...times));
        const single = head.firstSeries === head.lastSeries && numbers.length > 0;
        const expected = {
          numbers: numbers.length,
          sum: numbers.reduce((sum, value) => sum + value, 0),
          min: Math.min(...numbers),
          max: Math.max(...numbers),
          first: numbers[0],
          last: numbers.at(-1),
        };
        assert.deepStrictEqual(head.figures, single ? expected : null);
      }),
      { numRuns: 500 },
    );
  });

  test('noise at one end of all integers, reached from the other, survives', () => {
    const next = sequence();
    const far = series(400, (index) => {
      const climb = Number.MIN_SAFE_INTEGER + index * 1.78e15 + Math.floor(next() * 2 ** 45);
      const value = index < 10 ? climb : Number.MAX_SAFE_INTEGER - Math.floor(next() * 1000);
      return { time: value, value };
    });
    assert.deepStrictEqual(pointsOf(decodePointBlock(blockOf(far))), far);
  });

  test('even steps from one end of all integers to the other survive', () => {
    const far = series(500, (index) => ({
      time: start + index,
      value: Number.MIN_SAFE_INTEGER + index * 2 ** 45 + index,
    }));
    assert.deepStrictEqual(pointsOf(decodePointBlock(blockOf(far))), far);
  });

  test('damaged bytes are reported as damage', () => {
    const anyDamage = fc.record({
      how: fc.constantFrom('flip', 'cut', 'zero', 'append'),
      at: fc.nat(),
      bit: fc.nat({ max: 7 }),
    });
    fc.assert(
      fc.property(anyPoints, anyDamage, (points, { how, at: anywhere, bit }) => {
        const block = blockOf(points);
        const at = anywhere % block.length;
        let damaged = Buffer.from(block);
        if (how === 'flip') damaged.writeUInt8((damaged[at] as number) ^ (1 << bit), at);
        else if (how === 'cut') damaged = damaged.subarray(0, at);
        else if (how === 'zero') damaged.fill(0, at, Math.min(at + 16, block.length));
        else damaged = Buffer.concat([damaged, Buffer.of(bit)]);
        if (damaged.equals(block)) return;
        const isDamage = (error: unknown): boolean =>
          error instanceof PisyncError && error.code === 'store_damaged';
        assert.throws(() => decodePointBlock(damaged), isDamage);
        assert.throws(() => decodePointSeries(damaged, points[0]?.series as number), isDamage);
        const { headBytes } = readPointHead(block);
        const headIsWhole = damaged.subarray(0, headBytes).equals(block.subarray(0, headBytes));
        if (!headIsWhole) assert.throws(() => readPointHead(damaged), isDamage);
      }),
      { numRuns: 1000 },
    );
  });

  test('a block that was kept since version 1 began says the same', () => {
    const points: Point[] = [
      ...series(40, (index) => ({ time: start + index * 1e7, value: (2000 + ((index * index) % 97)) / 100 })),
      { series: 3, time: start - 5, value: -0 },
      { series: 3, time: start, value: true },
      { series: 3, time: start + 7, value: 'on' },
      { series: 9, time: start, value: 1 / 3 },
      { series: 9, time: start + 1e6, value: 2 / 3 },
    ].map((point) => (point.series === 0 ? { ...point, series: 2 } : point));
    const kept =
      'AQAtAAIAAAAJAAAA7B/2n00QGUMA1vH8TRAZQxACAAAcTS4KVZKO8yi1L/0AAH0DAJKFFCCgJ+l/Fog9W9t62yp46Mal+n2X' +
      '+NtXZ0c9przW2t5bpohE9aupg455d5iYeImJN2Mt64TI4YCjDmR0AWas2DY7yWPR094WGmRoTARfZUtLrQEKALcGGilQQBtK' +
      'QXFn9zBwHggpKHFQEnzAEw==';
    assert.deepStrictEqual(pointsOf(decodePointBlock(Buffer.from(kept, 'base64'))), points);
  });

  test('a plain block that was kept since version 2 began says the same', () => {
    const points = counter(40);
    const kept =
      'AgMoAAAAAAAAAAAAACD2n00QGUMA1vH8TRAZQyUAAABW7rGWKAAAAAAA4CLkQAAAAAAAWI9AAAAAAACQkEAAAAAAAFiPQAAAAAAA' +
      'kJBA/XQqgQABAAAg9p9NEBlDAYCt4gQDAADXDwEBBQLRKnzT7hQMp1IwAAA=';
    assert.deepStrictEqual(pointsOf(decodePointBlock(Buffer.from(kept, 'base64'))), points);
  });

  test('steps of any number of bits survive, most of them packed side by side', () => {
    let plain = 0;
    const anySteps = fc.record({
      bits: fc.integer({ min: 1, max: 50 }),
      length: fc.integer({ min: 2, max: 90 }),
      divisor: fc.constantFrom(1, 7, 1000),
      first: fc.constantFrom(0, start, -(2 ** 52)),
      seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    });
    fc.assert(
      fc.property(anySteps, ({ bits, length, divisor, first, seed }) => {
        const next = sequence(seed);
        const most = 2 ** Math.min(bits, 44);
        let time = first;
        const points = series(length, () => {
          time += (Math.floor(next() * most) - most / 2) * (bits < 30 ? divisor : 1);
          return { time, value: Math.floor(next() * 2 ** bits) / 4 };
        });
        const block = blockOf(points);
        if (readPointHead(block).plain) plain += 1;
        assert.deepStrictEqual(pointsOf(decodePointBlock(block)), points);
      }),
      { numRuns: 1500 },
    );
    assert.ok(plain > 750, `${plain} of 1500 are not compressed`);
  });

  test('small steps of any kind survive from any first number', () => {
    const anyWalk = fc.record({
      first: fc.constantFrom(0, 2 ** 30, 2 ** 31 - 60, 60 - 2 ** 31, -(2 ** 30), 2 ** 32, 2 ** 50),
      center: fc.constantFrom(0, 1, -1, 100, 2 ** 20, -(2 ** 22)),
      divisor: fc.constantFrom(1, 10, 1000, 2 ** 20),
      noise: fc.constantFrom(0, 1, 3, 100),
      order: fc.constantFrom(0, 1, 2),
      length: fc.integer({ min: 2, max: 300 }),
    });
    fc.assert(
      fc.property(anyWalk, ({ first, center, divisor, noise, order, length }) => {
        const next = sequence();
        let [value, step] = [first, center];
        const points = series(length, (index) => {
          const odd = Math.floor(next() * (2 * noise + 1)) - noise;
          step = order === 2 ? step + odd : center + odd;
          value = order === 0 ? first + step * divisor : value + step * divisor;
          return { time: start + index, value: index === 0 ? first : value };
        });
        assert.deepStrictEqual(pointsOf(decodePointBlock(blockOf(points))), points);
      }),
      { numRuns: 1500 },
    );
  });

  test('what compression saves much of is compressed, all else is kept plain', () => {
    const regular = series(MAX_BLOCK_POINTS, (index) => ({ time: start + index * 1e6, value: index % 2 }));
    assert.equal(readPointHead(blockOf(regular)).plain, false);
    assert.equal(readPointHead(blockOf(counter(MAX_BLOCK_POINTS))).plain, true);
    assert.ok(blockOf(counter(MAX_BLOCK_POINTS)).length < 0.27 * MAX_BLOCK_POINTS);
  });

  test('an unknown version is refused', () => {
    fc.assert(
      fc.property(anyPoints, fc.constantFrom(0, 3, 4, 255), (points, version) => {
        const block = blockOf(points);
        block[0] = version;
        assert.throws(() => decodePointBlock(block), { code: 'store_damaged', message: /version/ });
        assert.throws(() => readPointHead(block), { code: 'store_damaged' });
      }),
      { numRuns: 20 },
    );
  });

  test('what is no block is refused, and never written', () => {
    const one = columnsOf([{ series: 1, time: 0, value: 'text' }]);
    const encode = (change: Partial<PointColumns>): Buffer =>
      encodePointBlock({ ...one, ...change }, 0, 1, 1);
    for (const time of [0.5, 2 ** 53, Number.NaN]) {
      assert.throws(() => encode({ times: Float64Array.of(time) }), RangeError);
    }
    assert.throws(() => encode({ series: Int32Array.of(-1) }), RangeError);
    assert.throws(() => encode({ series: Uint32Array.of(2 ** 31) }), RangeError);
    assert.throws(() => encode({ texts: [] }), RangeError);
    const points = walk(MAX_BLOCK_POINTS + 1, 3);
    assert.throws(() => blockOf(points), RangeError);
    assert.throws(() => blockOf([]), RangeError);
    assert.throws(() => blockOf(points.slice(0, 6).reverse()), RangeError);
    assert.equal(decodePointBlock(encode({})).texts[0], 'text');
  });

  test('a walk of two decimals with jittered times costs at most 1.8 bytes a point, regular integers 0.4', () => {
    const points = MAX_BLOCK_POINTS;
    for (const level of [1, 3]) {
      assert.ok(blockOf(walk(points), level).length <= 1.8 * points);
      assert.ok(blockOf(counter(points), level).length <= 0.4 * points);
    }
  });

  test('a few values that are no short decimals, and every -0, cost their own bytes only', () => {
    const odd = walk(MAX_BLOCK_POINTS).map((point, index) => {
      return index % 100 === 0 ? { ...point, value: index % 200 === 0 ? -0 : 0.1 + 0.2 } : point;
    });
    const block = blockOf(odd);
    assert.deepStrictEqual(pointsOf(decodePointBlock(block)), odd);
    assert.ok(block.length <= 1.8 * odd.length + (odd.length / 100) * 10, `${block.length} bytes`);
  });
});
