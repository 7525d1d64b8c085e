import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { cliPath } from './run-cli.ts';

const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A copy of the launcher in a package with these entry points. */
function packageWith(entries: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'pisync-launcher-'));
  folders.push(folder);
  for (const [path, text] of Object.entries({ 'package.json': '{"type":"module"}', ...entries })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  mkdirSync(join(folder, 'bin'));
  copyFileSync(cliPath, join(folder, 'bin', 'pisync.js'));
  return join(folder, 'bin', 'pisync.js');
}

const tell = (name: string): string => `
import { Worker } from 'node:worker_threads';
const worker = new Worker("require('worker_threads').parentPort.postMessage(process.execArgv)", { eval: true });
worker.once('message', (inWorker) => console.log(JSON.stringify({
  entry: '${name}', words: process.argv.slice(2), flags: process.execArgv, inWorker, pid: process.pid, cache: process.env.NODE_COMPILE_CACHE,
})));`;

/** A Node that is too old for the sources, if this machine has one. */
const oldNode = (process.env['PATH'] ?? '')
  .split(delimiter)
  .concat('/usr/bin', '/usr/local/bin')
  .map((folder) => join(folder, 'node'))
  .find(
    (path) =>
      existsSync(path) &&
      Number(/^v(\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1]) < 24,
  );
const needsOldNode =
  oldNode === undefined ? { skip: 'not run here: this machine has no Node older than 24' } : {};

describe('the launcher', () => {
  it('runs the sources of a checkout, even beside a build, with the flags they need', () => {
    const launcher = packageWith({
      'src/cli/main.ts': `${tell('source')}\nconst typed: number = 1; void typed;`,
      'dist/cli/main.js': tell('build'),
    });
    const { stdout, stderr } = spawnSync(process.execPath, [launcher, 'a', '--b=c d'], { encoding: 'utf8' });
    assert.equal(stderr, '');
    const told = JSON.parse(stdout);
    assert.equal(told.entry, 'source');
    assert.deepEqual(told.words, ['a', '--b=c d']);
    for (const flag of ['--conditions=source', '--disable-warning=ExperimentalWarning']) {
      assert.ok(told.flags.includes(flag), flag);
      assert.ok(told.inWorker.includes(flag), `${flag} in workers`);
    }
    assert.equal(told.cache, join(dirname(dirname(launcher)), 'node_modules', '.cache', 'pisync'));
    const env = { ...process.env, NODE_COMPILE_CACHE: join(dirname(launcher), 'mine') };
    const own = JSON.parse(spawnSync(process.execPath, [launcher], { encoding: 'utf8', env }).stdout);
    assert.equal(own.cache, env.NODE_COMPILE_CACHE);
  });

  it('runs the build of an installed package', () => {
    const launcher = packageWith({ 'dist/cli/main.js': tell('build') });
    const told = JSON.parse(spawnSync(process.execPath, [launcher], { encoding: 'utf8' }).stdout);
    assert.equal(told.entry, 'build');
    assert.deepEqual(told.flags, ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=16']);
  });

  it('stays one process, so that signals and memory are its own', async () => {
    const launcher = packageWith({ 'dist/cli/main.js': tell('build') });
    const child = spawn(process.execPath, [launcher], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [text] = await once(child.stdout, 'data');
    assert.equal(JSON.parse(String(text)).pid, child.pid);
    await once(child, 'close');
  });

  it('says so where the installation is not complete', () => {
    const { status, stderr } = spawnSync(process.execPath, [packageWith({})], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /the installation is not complete/);
  });
});

describe('the launcher on an old Node', () => {
  it('runs the Node that is installed beside it, with the same words and exit code', needsOldNode, () => {
    const version = spawnSync(oldNode as string, [cliPath, '--version'], { encoding: 'utf8' });
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
    assert.equal(version.status, 0);
    const wrong = spawnSync(oldNode as string, [cliPath, 'serve', '--port', 'x y'], { encoding: 'utf8' });
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /--port says "x y"/);
  });

  it('says what to install where there is none', needsOldNode, () => {
    const launcher = packageWith({ 'dist/cli/main.js': tell('build') });
    const { status, stderr } = spawnSync(oldNode as string, [launcher], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /PiSync needs Node 24 or newer, this is v\d+.*\n.*npm install node@24/);
  });

  it('passes signals on and ends as its child ends', needsOldNode, async () => {
    const words = [cliPath, 'serve', '--json', '--store', 'memory:', '--port', '0', '--log-level', 'silent'];
    const child = spawn(oldNode as string, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'close'), [0, null]);
  });
});
