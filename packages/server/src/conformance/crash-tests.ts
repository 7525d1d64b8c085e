import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { CommitOutcome } from '@pisync/protocol';
import { parseJson } from '@pisync/protocol';
import type { CommitGroup, Store } from '../ports/store.ts';
import { counted, failed, group, observation, rejectedItem, sequence } from './make-events.ts';
import { placeEvent, referenceDevice } from './model/reference-device.ts';
import { readHistory } from './read-store.ts';
import type { CommitReply, CommitRequest } from './serve-commits.ts';
import { type OpenedStore, type StoreSuite, usualPolicy } from './suite-recorder.ts';

/** A process that commits, and what it has said so far. */
class CommitProcess {
  readonly #child: ChildProcess;
  readonly #replies = new Map<number, CommitReply>();
  readonly #closed: Promise<unknown>;
  #wake = (): void => {};
  #ready = false;
  #ended = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, 'close').then(() => {
      this.#ended = true;
      this.#wake();
    });
    // Writing to a process that was killed fails, as it should.
    (child.stdin as Writable).on('error', () => {});
    createInterface({ input: child.stdout as Readable }).on('line', (line) => {
      const reply = parseJson(line) as CommitReply;
      if ('ready' in reply) this.#ready = true;
      else this.#replies.set(reply.id, reply);
      this.#wake();
    });
  }

  send(request: CommitRequest): void {
    (this.#child.stdin as Writable).write(`${JSON.stringify(request)}\n`);
  }

  ready(): Promise<void> {
    return this.#until(() => this.#ready);
  }

  /** Resolves when so many requests were answered. */
  answered(count: number): Promise<void> {
    return this.#until(() => this.#replies.size >= count);
  }

  /** Kills the process as a power cut would and returns what it had acknowledged, by request. */
  async kill(): Promise<ReadonlyMap<number, readonly CommitOutcome[]>> {
    this.#child.kill('SIGKILL');
    await this.#closed;
    const acknowledged = new Map<number, readonly CommitOutcome[]>();
    for (const [id, reply] of this.#replies) {
      assert.ok(!('error' in reply), JSON.stringify(reply));
      if ('outcomes' in reply) acknowledged.set(id, reply.outcomes);
    }
    return acknowledged;
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done()) {
      assert.ok(!this.#ended, 'the process ended by itself');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Registers what must hold when the process is killed, where there is anything to survive it. */
export function crashTests(suite: StoreSuite): void {
  const { startChild } = suite.options;
  if (!suite.options.supports.durable || startChild === undefined) return;
  const start = async (opened: OpenedStore): Promise<CommitProcess> => {
    await opened.store.close();
    const child = new CommitProcess(startChild(opened.place, usualPolicy));
    await child.ready();
    return child;
  };

  suite.test(
    'keeps what was committed when it is killed before the acknowledgement has left',
    async (opened) => {
      const child = await start(opened);
      const groups = Array.from({ length: 12 }, (_, i) => groupOf(i));
      for (const [id, one] of groups.entries()) child.send({ id, group: one, withhold: id >= 4 });
      await child.answered(groups.length);
      assert.equal((await child.kill()).size, 4);
      const store = await opened.reopen();
      for (const one of groups) {
        assert.deepEqual(
          await store.commit({ ...one, rejected: [] }),
          one.observations.map(() => 'duplicate'),
        );
      }
      assert.equal((await store.quarantine({ limit: 100 })).total, groups.length);
      await assertWhole(store, groups);
    },
  );

  suite.test(
    'loses no acknowledged event and doubles none when it is killed at random moments',
    async (opened) => {
      const random = sequence(7);
      const groups: CommitGroup[] = [];
      let acknowledgedInAll = 0;
      for (let round = 0; round < 5; round++) {
        const child = await start(opened);
        const first = groups.length;
        for (let i = 0; i < 150; i++) groups.push(groupOf(groups.length));
        for (const [id, one] of groups.entries())
          if (id >= first) child.send({ id, group: one, settle: id % 40 === 39 });
        await child.answered(Math.floor(random() * 140));
        const acknowledged = await child.kill();
        acknowledgedInAll += acknowledged.size;
        const store = await opened.reopen();
        for (const [id, one] of groups.entries()) {
          if (id < first) continue;
          const outcomes = await store.commit({ ...one, rejected: [] });
          assert.equal(new Set(outcomes).size, 1, 'a group is kept whole or not at all');
          if (acknowledged.has(id)) assert.equal(outcomes[0], 'duplicate', `group ${id} was acknowledged`);
        }
        await assertWhole(store, groups);
      }
      assert.ok(acknowledgedInAll > 0);
    },
  );
}

/** Three syncs of three devices, different for each number, and a rejected item. */
function groupOf(i: number): CommitGroup {
  const device = (offset: number) => ({ deviceId: `pi-${(i + offset) % 7}`, ...(i % 3 === 0 ? {} : failed) });
  return {
    observations: [
      counted(i, device(0)),
      counted(i, device(1)),
      observation({ eventId: `sync-${i}`, ...device(2) }),
    ],
    rejected: [rejectedItem({ raw: `${i}` })],
  };
}

/** Every event is there once, numbered without gaps, and every device's state follows from them. */
async function assertWhole(store: Store, groups: readonly CommitGroup[]): Promise<void> {
  const sent = groups.flatMap((one) => one.observations);
  assert.deepEqual(
    await store.commit(group(...sent)),
    sent.map(() => 'duplicate'),
  );
  const positions: number[] = [];
  for (const [deviceId, expected] of Map.groupBy(sent, (event) => event.deviceId)) {
    const events = (await readHistory(store, { deviceId })).map(placeEvent);
    assert.equal(events.length, expected.length);
    assert.deepEqual(await store.device(deviceId), referenceDevice(events, 0, usualPolicy));
    positions.push(...events.map((event) => event.position));
  }
  assert.deepEqual(
    positions.sort((a, b) => a - b),
    sent.map((_, i) => i + 1),
  );
  const findings = await store.verify();
  assert.deepEqual(
    findings.filter((finding) => finding.severity === 'error'),
    [],
  );
}
