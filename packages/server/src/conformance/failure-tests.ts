import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommitOutcome, PisyncError } from '@pisync/protocol';
import type { CommitGroup, Store } from '../ports/store.ts';
import { counted, failed, group, observation, rejectedItem } from './make-events.ts';
import { placeEvent, referenceDevice } from './model/reference-device.ts';
import { assertStatus, readEverything, readHistory } from './read-store.ts';
import type { FaultKind, StoreSuite } from './suite-recorder.ts';

/** How long a store may take to recover without help, in milliseconds. */
const RECOVERY_MS = 15_000;

/** Registers what must hold when the disk is full or fails, where the adapter can be made to fail. */
export function failureTests(suite: StoreSuite): void {
  const { failNextCommit } = suite.options;
  if (failNextCommit === undefined) {
    test('survives failures of the disk', { skip: 'not run here: the adapter supplies no failNextCommit' });
    return;
  }
  const titles: Readonly<Record<FaultKind, readonly [string, string]>> = {
    disk_full: [
      'keeps and acknowledges nothing of a group that met a full disk, and recovers by itself',
      'loses and doubles nothing when the disk is full under concurrent commits',
    ],
    io_error: [
      'keeps and acknowledges nothing of a group that met an I/O error, and recovers by itself',
      'loses and doubles nothing when the disk fails under concurrent commits',
    ],
  };
  for (const [kind, [one, many]] of Object.entries(titles) as [FaultKind, readonly [string, string]][]) {
    suite.test(one, async (opened) => {
      await failOneGroup(opened.store, () => failNextCommit(opened.store, kind));
      const before = await readEverything(opened.store);
      assert.deepEqual(await readEverything(opened.store), before);
      if (suite.options.supports.durable)
        assert.deepEqual(await readEverything(await opened.reopen()), before);
    });
    suite.test(many, async ({ store }) => {
      await failManyGroups(store, () => failNextCommit(store, kind));
    });
  }
}

async function failOneGroup(store: Store, fail: () => void | Promise<void>): Promise<void> {
  const first: CommitGroup = { observations: [counted(1), counted(2, failed)], rejected: [rejectedItem()] };
  const second: CommitGroup = {
    observations: [counted(3, failed), observation({ eventId: 'x', deviceId: 'pi-2' }), counted(1, failed)],
    rejected: [rejectedItem(), rejectedItem({ raw: 'second' })],
  };
  await store.commit(first);
  await fail();
  assert.equal(await tryCommit(store, second), undefined, 'the fault must hit the commit');
  const outcomes = await commitInTime(store, second);
  assert.deepEqual(outcomes, ['stored', 'stored', 'conflict'], 'nothing of the failed group was kept');
  await assertStatus(store, { state: 'ready', position: 4 });
  const events = (await readHistory(store, { deviceId: 'pi-1' })).map(placeEvent);
  assert.deepEqual(await store.device('pi-1'), referenceDevice(events, 1, { partial: 'failure' }));
  const { items } = await store.quarantine({ limit: 10 });
  assert.deepEqual(
    items.map((item) => item.count),
    [1, 2],
  );
  const findings = await store.verify();
  assert.deepEqual(
    findings.filter((finding) => finding.severity === 'error'),
    [],
  );
}

async function failManyGroups(store: Store, fail: () => void | Promise<void>): Promise<void> {
  const groups = Array.from({ length: 60 }, (_, i) =>
    group(counted(2 * i, { deviceId: `pi-${i % 5}` }), counted(2 * i + 1, { deviceId: `pi-${i % 5}` })),
  );
  const waiting: Promise<readonly CommitOutcome[] | undefined>[] = [];
  for (const [i, one] of groups.entries()) {
    if (i === 20) await fail();
    waiting.push(tryCommit(store, one));
    if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const answers = await Promise.all(waiting);
  assert.ok(answers.includes(undefined), 'the fault must hit a commit');
  for (const [i, one] of groups.entries()) {
    const kept = answers[i] === undefined ? 'stored' : 'duplicate';
    assert.deepEqual(await commitInTime(store, one), [kept, kept]);
  }
  await assertStatus(store, { state: 'ready', position: 120 });
  for (let i = 0; i < 5; i++) assert.equal((await readHistory(store, { deviceId: `pi-${i}` })).length, 24);
}

/** The outcomes, or undefined where the store said that it cannot take writes now. */
async function tryCommit(store: Store, one: CommitGroup): Promise<readonly CommitOutcome[] | undefined> {
  try {
    return await store.commit(one);
  } catch (error) {
    assert.ok(error instanceof PisyncError, String(error));
    assert.equal(error.code, 'store_unavailable');
    assert.equal(error.retryable, true);
    return undefined;
  }
}

/** Sends a group again until the store takes it, as a device would. */
async function commitInTime(store: Store, one: CommitGroup): Promise<readonly CommitOutcome[]> {
  const deadline = Date.now() + RECOVERY_MS;
  for (;;) {
    const outcomes = await tryCommit(store, one);
    if (outcomes !== undefined) return outcomes;
    assert.ok(Date.now() < deadline, `no recovery within ${RECOVERY_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
