import { InvalidArgumentError } from 'commander';

/** A parser for an option that takes an integer from `low` to `high`. */
export function integerOption(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Expected an integer from ${low} to ${high}.`);
  };
}

/** A parser for an option that takes a decimal number from `low` to `high`. */
export function numberOption(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Expected a number from ${low} to ${high}.`);
  };
}

/** A parser for an option that takes a share from 0 to 1. */
export const shareOption = numberOption(0, 1);

/** A parser for an option that takes an RFC 3339 time; gives epoch milliseconds. */
export function timeOption(text: string): number {
  const time = Date.parse(text);
  if (/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text) && time >= 0) return time;
  throw new InvalidArgumentError('Expected a time with its zone, such as 2026-01-31T12:00:00Z.');
}
