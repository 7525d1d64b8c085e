import { parseArgs } from 'node:util';

/** What the command line asks for. */
export interface BenchOptions {
  /** Scenario names to run; empty for all. */
  readonly only: readonly string[];
  /** Small numbers: shows that everything works, says nothing about speed. */
  readonly quick: boolean;
  /** Exit 1 also when a row misses its `at least`. */
  readonly assert: boolean;
  /** Where stores are made; emptied before and after. */
  readonly work: string;
  /** Keep the filled store in `work`, and use one that an earlier run kept. */
  readonly keep: boolean;
  /** File to write the baseline to, or null. */
  readonly out: string | null;
  readonly help: boolean;
}

export const usage = `Usage: npm run bench -- [options]

  --only NAME   run this scenario, or those of this group (postgres), only; may be given several times
  --quick       small numbers: a smoke test, no word about speed
  --assert      exit 1 when a row misses what it must reach
  --work DIR    where stores are made (data/bench)
  --keep        keep the store of the growth scenario, and reuse one that was kept
  --out FILE    write the numbers there (bench/baseline.json for a full run)
  --no-out      write no file
`;

/** @throws {TypeError} for an option that does not exist */
export function parseOptions(args: readonly string[], root: string): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      assert: { type: 'boolean', default: false },
      work: { type: 'string', default: `${root}/data/bench` },
      keep: { type: 'boolean', default: false },
      out: { type: 'string' },
      'no-out': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const full = !values.quick && values.only.length === 0;
  const out = values.out ?? (full ? `${root}/bench/baseline.json` : null);
  return {
    only: values.only,
    quick: values.quick,
    assert: values.assert,
    work: values.work,
    keep: values.keep,
    out: values['no-out'] ? null : out,
    help: values.help,
  };
}
