/** Checks who imports whom against .dependency-cruiser.cjs, and that the modules were read at all. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const home = resolve(import.meta.dirname, '..');

/** The part of dependency-cruiser's JSON output that is read here. */
interface CruiseResult {
  readonly modules: readonly { readonly source: string; readonly dependencies: readonly unknown[] }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
      /** For a circle: the modules on the way back. */
      readonly cycle?: readonly { readonly name: string }[];
    }[];
    readonly ruleSetUsed: {
      readonly forbidden: readonly { readonly name: string; readonly comment: string }[];
    };
  };
}

/**
 * Reads every module below `root` and applies the rules.
 *
 * @param root - a folder laid out like the repository
 * @returns one line per violation; also a line if no TypeScript module with an import was read
 */
export function checkBoundaries(root: string): readonly string[] {
  const folders = ['packages', 'scripts', 'bench'].filter((folder) => existsSync(join(root, folder)));
  const run = spawnSync(
    process.execPath,
    [
      join(home, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      join(home, '.dependency-cruiser.cjs'),
      '--output-type',
      'json',
      ...folders,
    ],
    { cwd: root, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 },
  );
  // With JSON output the exit code tells nothing of violations: anything but 0 is a failure to run.
  if (run.status !== 0) return [`dependency-cruiser failed:\n${run.stderr}`];
  const result = JSON.parse(run.stdout) as CruiseResult;
  const reasons = new Map(result.summary.ruleSetUsed.forbidden.map((rule) => [rule.name, rule.comment]));
  const problems = result.summary.violations.map(({ from, to, rule, cycle }) => {
    const way = cycle === undefined ? [to] : cycle.map(({ name }) => name);
    return `${[from, ...way].join(' -> ')}\n    ${rule.name}: ${reasons.get(rule.name) ?? ''}`;
  });
  const read = result.modules.filter(
    ({ source, dependencies }) => source.endsWith('.ts') && dependencies.length > 0,
  );
  if (read.length === 0)
    problems.push('No TypeScript module with an import was read: the parser is not working.');
  return problems;
}

if (import.meta.main) {
  const problems = checkBoundaries(home);
  for (const problem of problems) process.stdout.write(`${problem}\n`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
