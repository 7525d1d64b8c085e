/**
 * Installs the packed tarball in an empty folder and uses it there as a stranger would: `npx pisync`, with the Node of
 * the machine, no checkout in reach.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pack } from './pack.ts';
import { freePort, runShell, startShell, strangerEnvironment } from './trial.ts';

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'pisync-tarball-'));
const environment = strangerEnvironment({ npm_config_prefer_offline: 'true', npm_config_fund: 'false' });

/** Posts one event to the running server and reads it back by the command line, too. */
async function useServer(url: string): Promise<void> {
  const event = { device_id: 'tarball-1', total_files_synced: 12, total_errors: 1, timestamp: Date.now() };
  const posted = await fetch(`${url}/api/sync-event`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  });
  assert.equal(posted.status, 201, await posted.text());
  const read = await fetch(`${url}/api/device/tarball-1/sync-history`);
  assert.equal(read.status, 200);
  const { items } = (await read.json()) as { items: { total_files_synced: number }[] };
  assert.equal(items.length, 1);
  assert.equal(items[0]?.total_files_synced, 12);
  const document = await fetch(`${url}/api-docs`);
  assert.equal(document.status, 200, 'the explorer and its files are in the package');
}

try {
  const tarball = pack();
  cpSync(tarball, join(folder, basename(tarball)));
  await runShell(`npm install ./${basename(tarball)}`, folder, environment);
  const { version } = JSON.parse(readFileSync(join(root, 'packages/server/package.json'), 'utf8')) as {
    version: string;
  };
  assert.match(await runShell('npx --no-install pisync --version', folder, environment), new RegExp(version));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = await startShell(
    `exec npx --no-install pisync serve --port ${port} --store sqlite:./trial.db`,
    folder,
    environment,
    `${url}/readyz`,
    60_000,
  );
  try {
    await useServer(url);
    await runShell(`npx --no-install pisync devices --url ${url} --json`, folder, environment);
  } finally {
    await server.stop();
  }
  process.stdout.write('The tarball works in an empty folder.\n');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
