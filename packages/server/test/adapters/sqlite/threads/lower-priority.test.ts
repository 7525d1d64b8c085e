import assert from 'node:assert/strict';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

const module = new URL('../../../../src/adapters/store/sqlite/threads/lower-priority.ts', import.meta.url);

const script = `
  const { readlinkSync } = require('node:fs');
  const { getPriority } = require('node:os');
  const { parentPort } = require('node:worker_threads');
  import(${JSON.stringify(module)}).then(({ lowerPriority }) => {
    lowerPriority();
    parentPort.postMessage(getPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1))));
  });`;

test('a thread lets others go first, and no other thread of the process does', {
  skip: process.platform !== 'linux' && 'priorities of threads are those of Linux',
}, async () => {
  const before = getPriority(process.pid);
  const worker = new Worker(script, { eval: true });
  const [priority] = (await once(worker, 'message')) as [number];
  await worker.terminate();
  assert.equal(priority, Math.max(before, 10));
  assert.equal(getPriority(process.pid), before);
});
