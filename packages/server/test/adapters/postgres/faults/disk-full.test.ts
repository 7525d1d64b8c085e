import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { PisyncError } from '@pisync/protocol';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { counted, group } from '../../../../src/conformance/make-events.ts';
import { readHistory } from '../../../../src/conformance/read-store.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { embeddedInstallation, PostgresServer } from '../../../postgres/postgres-server.ts';

const DISK_MB = 220;
const GROUP = 200;

/** A small file system of its own; undefined where this user may not mount one. */
function mountSmall(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'pisync-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m,mode=755`, 'tmpfs', folder], {
      stdio: 'pipe',
    });
    return folder;
  } catch {
    rmdirSync(folder);
    return undefined;
  }
}

/** Takes all space that is left. */
function fill(file: string): void {
  const handle = openSync(file, 'w');
  const block = Buffer.alloc(4096, 120);
  try {
    while (writeSync(handle, block) === block.length) {
      // Until the disk says no.
    }
  } catch {
    // It is full.
  } finally {
    closeSync(handle);
  }
}

async function tryCommit(store: Store, first: number): Promise<boolean> {
  try {
    const events = Array.from({ length: GROUP }, (_, at) => counted(first + at, { metadata: '{"a":1}' }));
    await store.commit(group(...events));
    return true;
  } catch (error) {
    assert.ok(error instanceof PisyncError && error.retryable, String(error));
    return false;
  }
}

const disk = mountSmall();

test('a full disk of the server loses nothing, and the store goes on when there is room', {
  skip: disk === undefined && 'not run here: this user may not mount a small file system',
}, async () => {
  const folder = disk as string;
  const ballast = join(folder, 'ballast');
  const settings = ['max_wal_size=32MB', 'min_wal_size=32MB', 'shared_buffers=16MB'];
  const server = await PostgresServer.start(embeddedInstallation(), settings, folder);
  try {
    const store = await openPostgresStore(await server.createDatabase(), { partial: 'failure' });
    let next = 0;
    while (next < 10 * GROUP) {
      assert.ok(await tryCommit(store, next));
      next += GROUP;
    }
    fill(ballast);
    assert.equal(statfsSync(folder).bavail, 0);
    let refused = 0;
    for (let tries = 0; refused < 3 && tries < 400; tries++) {
      if (await tryCommit(store, next)) next += GROUP;
      else refused += 1;
    }
    assert.equal(refused, 3, 'the disk must have been full');
    rmSync(ballast);
    // A server that could not write its log has ended, or is starting again.
    if (!server.running) await server.launch();
    const deadline = Date.now() + 30_000;
    while (!(await tryCommit(store, next))) {
      assert.ok(Date.now() < deadline, 'no recovery');
      if (!server.running) await server.launch();
      await delay(100);
    }
    next += GROUP;
    const history = await readHistory(store, { deviceId: 'pi-1' });
    assert.deepEqual(
      history.map(({ seq }) => seq).sort((a, b) => Number(a) - Number(b)),
      Array.from({ length: next }, (_, seq) => seq),
    );
    assert.deepEqual(
      (await store.verify()).filter(({ severity }) => severity === 'error'),
      [],
    );
    await store.close();
  } finally {
    await server.stop();
    execFileSync('umount', [folder]);
    rmdirSync(folder);
  }
});
