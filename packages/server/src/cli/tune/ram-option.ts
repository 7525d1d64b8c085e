import { InvalidArgumentError } from 'commander';
import { machineLimits } from '../../core/tuning/machine.ts';

/** Megabytes in each unit; memory is always counted in powers of 1024. */
const units = { MB: 1, GB: 1_024, TB: 1_048_576 } as const;

/**
 * A parser for the option that takes an amount of memory: a number and one of MB, GB and TB, also as M or MiB.
 *
 * @returns whole megabytes
 */
export function ramOption(text: string): number {
  const found = /^(\d{1,9}(?:\.\d{1,6})?)\s*(?:([MGT])i?B?)?$/i.exec(text);
  if (found === null) throw new InvalidArgumentError('Expected an amount of memory, such as 64GB.');
  const [, amount = '', letter] = found;
  if (letter === undefined) throw new InvalidArgumentError(`It needs its unit: --ram ${amount}GB.`);
  const megabytes = Math.floor(Number(amount) * units[`${letter.toUpperCase()}B` as keyof typeof units]);
  const { low, high } = machineLimits.ramMb;
  if (megabytes < low) {
    throw new InvalidArgumentError(
      `Give at least 1GB: --ram 1GB. Below that, PostgreSQL's own defaults are the better choice.`,
    );
  }
  if (megabytes > high) throw new InvalidArgumentError('Give at most 16TB.');
  return megabytes;
}
