import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { describe, test } from 'node:test';
import { freePort, runShell, startShell, strangerEnvironment } from '../trial.ts';
import { temporaryTree } from './temporary-tree.ts';

const here = { ...process.env };
const server = `require('node:http').createServer((_, r) => r.end()).listen(process.env.AT, '127.0.0.1')`;

describe('what a stranger sees', () => {
  test('nothing that npm or this checkout put into the environment', () => {
    process.env['npm_config_x'] = process.env['PISYNC_PORT'] = process.env['NODE_OPTIONS_X'] = '1';
    const { PATH = '', ...environment } = strangerEnvironment({ PISYNC_STORE: 'memory:' });
    for (const name of ['npm_config_x', 'PISYNC_PORT', 'NODE_OPTIONS_X']) {
      delete process.env[name];
      assert.equal(environment[name], undefined);
    }
    assert.equal(environment['PISYNC_STORE'], 'memory:');
    assert.ok(PATH.split(delimiter).every((place) => !place.includes('node_modules')));
  });

  test('a command that fails anywhere in a pipe is an error', async (context) => {
    const folder = temporaryTree(context, { 'a.txt': 'a\n' });
    assert.equal(await runShell('cat a.txt | tr a b', folder, here), 'b\n');
    await assert.rejects(runShell('cat gone.txt 2>&- | tr a b', folder, here), /exit 1/);
    await assert.rejects(runShell('sleep 20', folder, here, 50), /exit SIGTERM/);
  });
});

describe('a command that keeps running', () => {
  test('is there when it answers, and gone with its children when it was stopped', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const command = `"${process.execPath}" -e "${server}"; true`;
    const running = await startShell(command, '/', { ...here, AT: String(port) }, url, 20_000);
    assert.equal((await fetch(url)).status, 200);
    await running.stop();
    await assert.rejects(fetch(url));
    await running.stop();
  });

  test('is gone only when the last process of its group is', async (context) => {
    const folder = temporaryTree(context, {});
    const slow =
      "process.on('SIGTERM', () => setTimeout(() => { fs.writeFileSync('end', ''); process.exit(); }, 300));";
    const port = await freePort();
    const command = `"${process.execPath}" -e "${slow} ${server}" & wait`;
    const url = `http://127.0.0.1:${port}`;
    const running = await startShell(command, folder, { ...here, AT: String(port) }, url, 20_000);
    await running.stop();
    assert.ok(existsSync(join(folder, 'end')));
  });

  test('is an error when it ends before it answers', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await assert.rejects(startShell('exit 3', '/', here, url, 20_000), /ended before it answered/);
  });

  test('is stopped when it does not answer in time', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await assert.rejects(startShell('exec sleep 30', '/', here, url, 200), /did not answer/);
  });
});

test('a wanted port is given when it is free, another one when it is not', async (context) => {
  const wanted = await freePort();
  assert.equal(await freePort(wanted), wanted);
  const taken = createServer().listen(wanted, '127.0.0.1');
  context.after(() => taken.close());
  await new Promise((listening) => taken.once('listening', listening));
  assert.notEqual(await freePort(wanted), wanted);
});
