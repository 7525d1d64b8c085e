/**
 * Runs the tests with node's own runner: `npm test -- [path or name ...] [--runner-flag ...]`.
 *
 * An argument that names a test file, or a part of the path of one, selects files; one that starts with `-` goes to
 * the runner as it is; anything else is a pattern for test names. Fails when nothing was selected or no test ran.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const places = ['packages/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts', 'bench/test/**/*.test.ts'];

/** What to run, read from the command line. */
interface Selection {
  readonly files: readonly string[];
  readonly flags: readonly string[];
}

function select(args: readonly string[]): Selection {
  const all = places.flatMap((place) => globSync(place, { cwd: root })).sort();
  const chosen = new Set<string>();
  const flags: string[] = [];
  for (const arg of args) {
    if (arg.startsWith('-')) {
      flags.push(arg);
      continue;
    }
    const path = relative(root, resolve(arg));
    const matching = all.filter((file) => file.includes(path) || file.includes(arg));
    if (matching.length === 0) flags.push(`--test-name-pattern=${arg}`);
    for (const file of matching) chosen.add(file);
  }
  return { files: chosen.size > 0 ? [...chosen] : all, flags };
}

/** The runner's own output, and beside it the number of tests that ran. */
function reporters(flags: readonly string[], countFile: string): readonly string[] {
  const chosen = flags.some((flag) => flag.startsWith('--test-reporter='));
  const placed = flags.some((flag) => flag.startsWith('--test-reporter-destination='));
  return [
    ...(chosen ? [] : ['--test-reporter=spec']),
    ...(placed ? [] : ['--test-reporter-destination=stdout']),
    `--test-reporter=${join(root, 'scripts/test-count.ts')}`,
    `--test-reporter-destination=${countFile}`,
  ];
}

function run({ files, flags }: Selection): void {
  const folder = mkdtempSync(join(tmpdir(), 'pisync-test-'));
  const countFile = join(folder, 'count');
  const fixed = ['--conditions=source', '--disable-warning=ExperimentalWarning', '--test'];
  // A test that hangs is a test that fails; the flag can be given anew.
  const patience = '--test-timeout=300000';
  const parallel = `--test-concurrency=${availableParallelism()}`;
  const child = spawn(
    process.execPath,
    [...fixed, parallel, patience, ...flags, ...reporters(flags, countFile), ...files],
    { cwd: root, stdio: 'inherit' },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  child.on('close', (code) => {
    process.exitCode = code ?? 1;
    const ran = existsSync(countFile) ? Number(readFileSync(countFile, 'utf8')) : 0;
    rmSync(folder, { recursive: true, force: true });
    if (process.exitCode === 0 && ran === 0) {
      process.stderr.write('No test ran: the selection matched no test.\n');
      process.exitCode = 1;
    }
  });
}

const selection = select(process.argv.slice(2));
if (selection.files.length === 0) {
  process.stderr.write(`No test file found in ${places.join(' or ')}.\n`);
  process.exitCode = 1;
} else {
  run(selection);
}
