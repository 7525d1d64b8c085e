import { explainTimestamp, PisyncError, parseTimestamp } from '@pisync/protocol';
import { nearestName } from '../core/nearest.ts';

/** How one query parameter is read, and what the document says about it. */
export interface QueryRule<T> {
  readonly description: string;
  readonly schema: object;
  readonly fallback: T;
  /** A value that works with the examples of the bodies; the parameter is required. */
  readonly example?: string;
  /** The same of a parameter that another one may stand for: one of the two is required, which the route checks. */
  readonly suggestion?: string;
  /** @returns the value, or what is allowed where the text is not: `an integer from 1 to 1000` */
  read(text: string): { readonly value: T } | { readonly allowed: string };
}

export type QueryRules = Readonly<Record<string, QueryRule<unknown>>>;

/** The values that rules give. */
export type QueryValues<Rules extends QueryRules> = {
  readonly [Name in keyof Rules]: Rules[Name] extends QueryRule<infer T> ? T : never;
};

function invalid(field: string, detail: string): PisyncError {
  return new PisyncError('invalid_parameter', { field, detail });
}

/**
 * Reads a query string by its rules.
 *
 * @throws {PisyncError} `invalid_parameter` that names the parameter: unknown, given twice, or with a value that is
 *   not allowed
 */
export function readQuery<Rules extends QueryRules>(rules: Rules, query: unknown): QueryValues<Rules> {
  const given = query as Record<string, string | string[]>;
  for (const name in given) {
    if (Object.hasOwn(rules, name)) continue;
    const names = Object.keys(rules);
    const near = nearestName(name, names);
    const known = names.length === 0 ? 'This route takes none.' : `Known are ${names.join(', ')}.`;
    throw invalid(
      name.slice(0, 64),
      `No such parameter. ${near === undefined ? '' : `Did you mean ${near}? `}${known}`,
    );
  }
  const values: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const text = Object.hasOwn(given, name) ? given[name] : undefined;
    if (text === undefined) {
      if (rule.example !== undefined) throw invalid(name, 'Is missing, and required.');
      values[name] = rule.fallback;
      continue;
    }
    if (typeof text !== 'string') throw invalid(name, 'Give the parameter once.');
    const read = rule.read(text);
    if ('allowed' in read) throw invalid(name, `Send ${read.allowed}.`);
    values[name] = read.value;
  }
  return values as QueryValues<Rules>;
}

/** An integer within bounds. */
export function integer<Fallback extends number | undefined>(
  bounds: { readonly min: number; readonly max: number; readonly fallback: Fallback },
  description: string,
): QueryRule<number | Fallback> {
  const { min, max, fallback } = bounds;
  return {
    description,
    schema: {
      type: 'integer',
      minimum: min,
      maximum: max,
      ...(fallback === undefined ? {} : { default: fallback }),
    },
    fallback,
    read(text) {
      const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? { value } : { allowed: `an integer from ${min} to ${max}` };
    },
  };
}

/** One of a few words. */
export function oneOf<const Word extends string, Fallback extends Word | undefined>(
  words: readonly Word[],
  fallback: Fallback,
  description: string,
): QueryRule<Word | Fallback> {
  return {
    description,
    schema: { type: 'string', enum: words, ...(fallback === undefined ? {} : { default: fallback }) },
    fallback,
    read(text) {
      const value = words.find((word) => word === text);
      return value === undefined ? { allowed: `one of ${words.join(', ')}` } : { value };
    },
  };
}

/** Any text up to a length. */
export function text(maxLength: number, description: string): QueryRule<string | undefined> {
  return {
    description,
    schema: { type: 'string', minLength: 1, maxLength },
    fallback: undefined,
    read(given) {
      const fits = given.length >= 1 && given.length <= maxLength;
      return fits ? { value: given } : { allowed: `1 to ${maxLength} characters` };
    },
  };
}

/** A text that must be given; the example is a value that works with the examples of the bodies. */
export function requiredText(maxLength: number, description: string, example: string): QueryRule<string> {
  return { ...text(maxLength, description), fallback: '', example } as QueryRule<string>;
}

/** A moment, RFC 3339 or epoch milliseconds. */
export function moment(description: string): QueryRule<number | undefined> {
  return {
    description: `${description} RFC 3339 with a zone, such as 2026-11-20T08:30:00Z, or epoch milliseconds.`,
    schema: { type: 'string' },
    fallback: undefined,
    read(given) {
      // A plus sign that was not percent-encoded arrives as a space.
      const zoned = given.replace(/ (\d\d:\d\d)$/, '+$1');
      const asked = /^-?\d{1,15}$/.test(zoned) ? Number(zoned) : zoned;
      const value = parseTimestamp(asked);
      return Number.isNaN(value) ? { allowed: `another time: it ${explainTimestamp(asked)}` } : { value };
    },
  };
}

/** A comma-separated choice of the fields of each item. */
export function fields(names: readonly string[]): QueryRule<readonly string[] | undefined> {
  return {
    description: `Only these fields of each item, separated by commas: ${names.join(', ')}.`,
    schema: { type: 'string' },
    fallback: undefined,
    read(given) {
      const wanted = given.split(',').map((name) => name.trim());
      const unknown = wanted.find((name) => !names.includes(name));
      if (unknown === undefined) return { value: wanted };
      const near = nearestName(unknown, names);
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      return { allowed: `names of ${names.join(', ')}, separated by commas${hint}` };
    },
  };
}

/** Keeps the wanted fields of an item, in the order of the item. */
export function project<Item extends object>(
  item: Item,
  wanted: readonly string[] | undefined,
): Partial<Item> {
  if (wanted === undefined) return item;
  return Object.fromEntries(Object.entries(item).filter(([name]) => wanted.includes(name))) as Partial<Item>;
}
