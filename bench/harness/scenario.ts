import type { BenchContext } from './bench-context.ts';

/** One line of the result table. */
export interface Row {
  readonly id: string;
  readonly label: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: Goal | null;
  /** What the value rests on, such as the absolute numbers of a ratio. */
  readonly note: string;
}

/** What a row must reach and what it should reach. */
export interface Goal {
  readonly better: 'higher' | 'lower';
  readonly atLeast: number;
  /** Null where there is no more to wish for than `atLeast`. */
  readonly aim: number | null;
}

export type Verdict = 'aim' | 'at least' | 'missed' | 'shown';

/** A part of the benchmark that can run alone. */
export interface Scenario {
  readonly name: string;
  /** A name that stands for several scenarios. */
  readonly group?: string;
  /** One line for `--help`. */
  readonly about: string;
  run(context: BenchContext): Promise<readonly Row[]>;
}

/** How a row stands to its goal; `shown` where it has none. */
export function judge(row: Row): Verdict {
  if (row.goal === null) return 'shown';
  const { better, atLeast, aim } = row.goal;
  const reaches = (limit: number): boolean => (better === 'higher' ? row.value >= limit : row.value <= limit);
  if (!reaches(atLeast)) return 'missed';
  return aim === null || reaches(aim) ? 'aim' : 'at least';
}
