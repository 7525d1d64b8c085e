#!/usr/bin/env node
// Starts the command line with the Node and the flags that it needs. Plain JavaScript without new syntax,
// because it must also run, and explain itself, on a Node that is too old for the rest.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const neededMajor = 24;
/** V8 would let the young generation grow to twice that under load, for a few percent of speed. */
const commonFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=16'];
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The sources where this is a checkout (the published package has none), else the build. */
function entryPoint() {
  const source = join(root, 'src', 'cli', 'main.ts');
  const built = join(root, 'dist', 'cli', 'main.js');
  if (existsSync(source)) {
    return { file: source, flags: ['--conditions=source', ...commonFlags] };
  }
  if (existsSync(built)) return { file: built, flags: commonFlags };
  fail(`neither ${source} nor ${built} exists: the installation is not complete.`);
}

/** A Node that is new enough: this one, or the one that is installed beside PiSync as the package `node`. */
function nodeBinary() {
  if (Number(process.versions.node.split('.')[0]) >= neededMajor) return process.execPath;
  const require = createRequire(import.meta.url);
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  for (const candidate of ['node', `node-${platform}-${process.arch}`]) {
    try {
      const binary = join(dirname(require.resolve(`${candidate}/package.json`)), 'bin', name);
      if (existsSync(binary)) return binary;
    } catch {
      // Not installed under this name: the next candidate, then the message below.
    }
  }
  fail(
    `PiSync needs Node ${neededMajor} or newer, this is ${process.version}, and no newer one is installed beside it.\n` +
      `Install Node ${neededMajor} from https://nodejs.org, or run: npm install node@${neededMajor}`,
  );
}

function fail(message) {
  process.stderr.write(`pisync: ${message}\n`);
  process.exit(1);
}

/** Runs the CLI in a child and ends as it ends. */
function runChild(binary, parameters) {
  const child = spawn(binary, parameters, { stdio: 'inherit', env: environment() });
  const forward = (signal) => child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  child.on('error', (error) => fail(`cannot start ${binary}: ${error.message}`));
  child.on('exit', (code, signal) => {
    for (const each of signals) process.removeListener(each, forward);
    if (signal) process.kill(process.pid, signal);
    else process.exit(code === null ? 1 : code);
  });
}

/**
 * The environment with a place for compiled code, unless the user named one: sources then start in half the time
 * and with less memory, because types are stripped once and not at every start. Node skips a folder it cannot write.
 */
function environment() {
  const given = process.env;
  const cache = join(root, 'node_modules', '.cache', 'pisync');
  return {
    ...(entry.file.endsWith('.ts') ? { NODE_COMPILE_CACHE: cache } : {}),
    // The GNU allocator then gives large buffers back to the system; it would else keep them for later, per thread.
    MALLOC_MMAP_THRESHOLD_: '65536',
    MALLOC_TRIM_THRESHOLD_: '131072',
    MALLOC_ARENA_MAX: '2',
    ...given,
  };
}

const entry = entryPoint();
const binary = nodeBinary();
if (binary === process.execPath && entry.flags.every((flag) => process.execArgv.includes(flag))) {
  await import(pathToFileURL(entry.file).href);
} else {
  // The flags go on the command line, not into NODE_OPTIONS: worker threads inherit them, other programs do not.
  const kept = binary === process.execPath ? process.execArgv : [];
  const parameters = [...new Set([...kept, ...entry.flags]), entry.file, ...process.argv.slice(2)];
  // Replacing this process leaves one process, one memory and no one who has to pass signals on.
  if (binary === process.execPath && typeof process.execve === 'function' && process.platform !== 'win32') {
    process.execve(binary, [binary, ...parameters], environment());
  } else {
    runChild(binary, parameters);
  }
}
