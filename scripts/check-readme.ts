/**
 * Runs the README's commands word for word in a fresh copy of the tree.
 *
 * A block of commands that is run follows an HTML comment of one of these forms; every `sh` block needs one:
 * - `<!-- run: server -->` is started, must become ready, and runs until all other blocks are through;
 * - `<!-- run -->` is run to its end and must exit with 0;
 * - `<!-- run: ci -->` is run by .ci/run itself: each command of it must stand there on a line of its own;
 * - `<!-- not run: reason -->`.
 *
 * With port 3000 taken, another one is put into the commands, and said.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { listFiles } from './list-files.ts';
import { type Background, freePort, runShell, startShell, strangerEnvironment } from './trial.ts';

/** One block of commands and how it is to be run. */
export interface CommandBlock {
  readonly line: number;
  readonly mode: 'server' | 'run' | 'ci' | 'not run';
  readonly commands: string;
}

/**
 * Finds the blocks of a document.
 *
 * @throws {Error} where a block says nothing of how to run it
 */
export function commandBlocks(markdown: string): readonly CommandBlock[] {
  const block =
    /(?:<!--[ ]*(run|run: server|run: ci|not run: [^\n]+?)[ ]*-->\s*)?^```(?:sh|bash|shell)\n([\s\S]*?)^```/gm;
  return [...markdown.matchAll(block)].map((found) => {
    const line = markdown.slice(0, found.index).split('\n').length;
    const [, mark, commands = ''] = found;
    if (mark === undefined) throw new Error(`line ${line}: the block does not say whether it is run`);
    const mode = mark.startsWith('not run') ? 'not run' : mark.replace('run: ', '');
    return { line, mode: mode as CommandBlock['mode'], commands: commands.trim() };
  });
}

/** Commands of a block that .ci/run does not have. */
export function missingInCi(block: CommandBlock, ciScript: string): readonly string[] {
  const lines = new Set(ciScript.split('\n').map((line) => line.trim().replace(/^step '[^']*' /, '')));
  return block.commands
    .split(/\n|&&/)
    .map((command) => command.trim())
    .filter((command) => command !== '' && !lines.has(command));
}

async function expectDevice(url: string): Promise<void> {
  const reply = await fetch(`${url}/api/devices`);
  const { items } = (await reply.json()) as { items?: { device_id: string }[] };
  if (items === undefined || items.length === 0) throw new Error('no device appeared after the commands');
  process.stdout.write(`Devices that appeared: ${items.map(({ device_id }) => device_id).join(', ')}\n`);
}

async function runBlocks(blocks: readonly CommandBlock[], folder: string): Promise<void> {
  const port = await freePort(3000);
  const url = `http://127.0.0.1:${port}`;
  const environment = strangerEnvironment({ npm_config_prefer_offline: 'true' });
  if (port !== 3000) {
    process.stdout.write(`Port 3000 is taken: ${port} stands in its place.\n`);
    environment['PISYNC_PORT'] = String(port);
  }
  let server: Background | undefined;
  try {
    for (const { mode, commands } of blocks) {
      const text = commands.replaceAll(/(localhost|127\.0\.0\.1):3000\b/g, `$1:${port}`);
      if (mode === 'server') server = await startShell(text, folder, environment, `${url}/readyz`);
      if (mode === 'run') await runShell(text, folder, environment);
    }
    if (server === undefined) throw new Error('no block starts the server');
    await expectDevice(url);
  } finally {
    await server?.stop();
  }
}

async function checkReadme(root: string): Promise<void> {
  const blocks = commandBlocks(readFileSync(join(root, 'README.md'), 'utf8'));
  const ciScript = readFileSync(join(root, '.ci/run'), 'utf8');
  const missing = blocks.filter(({ mode }) => mode === 'ci').flatMap((block) => missingInCi(block, ciScript));
  if (missing.length > 0) throw new Error(`.ci/run does not run: ${missing.join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'pisync-readme-'));
  try {
    for (const path of listFiles(root)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      cpSync(join(root, path), join(folder, path));
    }
    await runBlocks(blocks, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write('The README does what it says.\n');
}

if (import.meta.main) await checkReadme(resolve(import.meta.dirname, '..'));
