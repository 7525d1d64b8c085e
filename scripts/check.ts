/**
 * The gate: every check but the tests, one line per step. All steps run even when one fails; the output of a step
 * is shown only where it failed. `npm run check -- <word> …` runs the steps whose name holds a word.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const tool = (name: string): string => join(root, 'node_modules/.bin', name);
const script = (name: string, ...args: string[]): readonly string[] => [
  process.execPath,
  '--conditions=source',
  '--disable-warning=ExperimentalWarning',
  join(root, 'scripts', name),
  ...args,
];

/** One check: a command that prints what is wrong and exits with other than 0 if anything is. */
interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

const steps: readonly Step[] = [
  {
    name: 'format and lint',
    command: [tool('biome'), 'check', '--error-on-warnings', '--max-diagnostics=50'],
  },
  { name: 'types', command: [tool('tsc'), '--project', 'tsconfig.json'] },
  { name: 'boundaries', command: script('check-boundaries.ts') },
  { name: 'dead code', command: [tool('knip'), '--no-progress', '--treat-config-hints-as-errors'] },
  { name: 'sizes', command: script('check-sizes.ts') },
  { name: 'documentation', command: script('check-docs.ts') },
  { name: 'config reference', command: script('config-reference.ts', '--check') },
].filter(({ command }) => command.every((part) => !part.endsWith('.ts') || existsSync(part)));

interface Outcome {
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
}

function run(step: Step): Promise<Outcome> {
  const started = performance.now();
  const [program, ...args] = step.command as [string, ...string[]];
  return new Promise((done) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    const finish = (passed: boolean): void => {
      const seconds = (performance.now() - started) / 1000;
      done({ passed, output: Buffer.concat(output).toString('utf8'), seconds });
    };
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('error', (error) => {
      output.push(Buffer.from(`${program} did not start: ${error.message}\n`));
      finish(false);
    });
    child.on('close', (code) => finish(code === 0));
  });
}

const words = process.argv.slice(2);
const chosen = steps.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const failed: string[] = [];
for (const step of chosen) {
  const { passed, output, seconds } = await run(step);
  process.stdout.write(
    `${passed ? 'ok  ' : 'FAIL'}  ${step.name.padEnd(18)} ${seconds.toFixed(1).padStart(5)} s\n`,
  );
  if (passed) continue;
  failed.push(step.name);
  process.stdout.write(`${output.trimEnd().replaceAll(/^/gm, '      ')}\n`);
}
if (chosen.length === 0) {
  process.stdout.write(
    `No step is called ${words.join(' or ')}: ${steps.map(({ name }) => name).join(', ')}.\n`,
  );
} else if (failed.length > 0) {
  process.stdout.write(`\n${failed.length} of ${chosen.length} steps failed: ${failed.join(', ')}.\n`);
} else {
  process.stdout.write(`\nAll ${chosen.length} steps passed.\n`);
}
process.exitCode = failed.length > 0 || chosen.length === 0 ? 1 : 0;
