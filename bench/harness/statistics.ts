/** Middle value; the mean of the two in the middle for an even number. 0 for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Runs every contestant once per round, A B C A B C …, so that what changes on the machine meanwhile hits all alike.
 *
 * @returns each contestant's measurements in the order of the rounds
 */
export async function interleave<Name extends string, Result>(
  rounds: number,
  contestants: Readonly<Record<Name, () => Promise<Result>>>,
): Promise<Record<Name, Result[]>> {
  const names = Object.keys(contestants) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as Result[]])) as Record<Name, Result[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await contestants[name]());
  }
  return results;
}

/** Median of the ratios of the same round: `a` to `b`. */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.map((value, round) => value / (b[round] ?? Number.NaN)));
}

/**
 * How much slower the end of a growth is than its start: the medians of three steps each. The very first step is left
 * out: it has first sightings and a cold process in it.
 */
export function slowdown(rates: readonly number[]): {
  readonly from: number;
  readonly to: number;
  /** 0 where it did not get slower. */
  readonly percent: number;
} {
  const from = median(rates.slice(1, 4));
  const to = median(rates.slice(-3));
  return { from, to, percent: Math.max(0, (1 - to / from) * 100) };
}

/** A number for people: three significant digits, thousands as k and M. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size < 1000 && Number.isInteger(value)) return String(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)}M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(0)}k`;
  if (size >= 1e3) return `${(value / 1e3).toFixed(1)}k`;
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}
