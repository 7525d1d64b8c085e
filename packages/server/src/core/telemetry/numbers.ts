const TEXT = 2;

/** Columns of points of any kind; a text has its place in a table as value. */
interface AnyColumns {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly kinds: Uint8Array;
  /** All texts there are, also of other points. */
  readonly texts: readonly string[];
}

/** Columns of numbers, of which `[start, end)` is meant. */
export interface NumberColumns {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly start: number;
  readonly end: number;
}

/** The numbers and booleans (as 0 and 1) among the points of `[from, to)`; the columns themselves where there is no text. */
export function numbersOf(
  { times, values, kinds, texts: all }: AnyColumns,
  from: number,
  to: number,
): NumberColumns {
  if (all.length === 0) return { times, values, start: from, end: to };
  let texts = 0;
  for (let at = from; at < to; at++) if (kinds[at] === TEXT) texts += 1;
  if (texts === 0) return { times, values, start: from, end: to };
  const end = to - from - texts;
  const found = { times: new Float64Array(end), values: new Float64Array(end), start: 0, end };
  let place = 0;
  for (let at = from; at < to; at++) {
    if (kinds[at] === TEXT) continue;
    found.times[place] = times[at] as number;
    found.values[place] = values[at] as number;
    place += 1;
  }
  return found;
}
