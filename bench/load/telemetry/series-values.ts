import { writeZeroPadded } from '../digits.ts';
import { Random } from '../random.ts';

/** The values of some series, one after the other; as text all have the same number of bytes. */
export interface SeriesValues {
  readonly width: number;
  /** The next value of a series (0 to `series - 1`), as the integer that `write` takes. */
  next(series: number): number;
  write(target: Uint8Array, at: number, value: number): void;
}

const lowest = 1000;
const highest = 9999;

/** Walks of two decimals, such as temperatures: 10.00 to 99.99, up to 0.50 up or down at a time. */
export class Walks implements SeriesValues {
  readonly width = 5;
  readonly #hundredths: Int32Array;
  readonly #random = new Random();

  constructor(series: number) {
    this.#hundredths = Int32Array.from({ length: series }, () => 2000 + this.#random.below(6000));
  }

  /** In hundredths. */
  next(series: number): number {
    let value = this.#hundredths[series]! + this.#random.below(101) - 50;
    if (value < lowest) value = 2 * lowest - value;
    if (value > highest) value = 2 * highest - value;
    this.#hundredths[series] = value;
    return value;
  }

  write(target: Uint8Array, at: number, value: number): void {
    const whole = (value / 100) | 0;
    writeZeroPadded(target, at, whole, 2);
    target[at + 2] = 46;
    writeZeroPadded(target, at + 3, value - whole * 100, 2);
  }
}

/** Integers that only grow, such as counters of packets: by 0 to 3 at a time. */
export class Counters implements SeriesValues {
  readonly width = 7;
  readonly #counts: Int32Array;
  readonly #random = new Random();

  constructor(series: number) {
    this.#counts = Int32Array.from({ length: series }, () => 1_000_000 + this.#random.below(1_000_000));
  }

  next(series: number): number {
    const value = this.#counts[series]! + this.#random.below(4);
    this.#counts[series] = value;
    return value;
  }

  write(target: Uint8Array, at: number, value: number): void {
    writeZeroPadded(target, at, value, this.width);
  }
}
