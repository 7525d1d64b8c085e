import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { type DeviceRow, emptyState } from '../../../../src/adapters/store/postgres/commit/device-state.ts';
import { writeDeviceRows } from '../../../../src/adapters/store/postgres/commit/write-devices.ts';
import {
  Database,
  usualDatabaseOptions,
} from '../../../../src/adapters/store/postgres/connection/database.ts';
import type { Session } from '../../../../src/adapters/store/postgres/connection/session.ts';
import {
  FailureChanges,
  MOST_COUNTED,
} from '../../../../src/adapters/store/postgres/failures/failure-changes.ts';
import {
  countedFailures,
  countFailures,
  failureCountFault,
} from '../../../../src/adapters/store/postgres/failures/failure-counts.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { devicePage } from '../../../../src/adapters/store/postgres/queries/devices.ts';
import { deviceQuery } from '../../../../src/conformance/make-events.ts';
import type { PartialRule } from '../../../../src/core/fold.ts';
import { F } from '../../../../src/core/sync-state.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const DEVICES = 6;
const measures = ['total_failures', 'consecutive_failures'] as const;
/** Around the numbers of the commits below, at both ends of what is counted, and beyond. */
const thresholds = [-1, 0, 1, 2, 3, 4, 7, MOST_COUNTED - 2, MOST_COUNTED - 1, MOST_COUNTED, MOST_COUNTED + 9];

/** Numbers that a device has after a commit: few and many failures. */
const numbers = fc.oneof(fc.nat(4), fc.integer({ min: MOST_COUNTED - 2, max: MOST_COUNTED + 2 }));
const change = fc.record({ device: fc.nat(DEVICES - 1), failed: numbers, partial: numbers, streak: numbers });
const commitSteps = fc.record({
  kind: fc.constant('commit' as const),
  /** False for a process that does not keep the counts up. */
  counts: fc.boolean(),
  kept: fc.boolean(),
  changes: fc.array(change, { minLength: 1, maxLength: 5 }),
});
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: commitSteps.map((step) => ({ ...step, counts: true, kept: true })) },
    { weight: 2, arbitrary: commitSteps },
    { weight: 1, arbitrary: fc.constant({ kind: 'start' as const }) },
  ),
  { maxLength: 12 },
);

describe('devices by their number of failures', () => {
  let server: PostgresServer;
  before(async () => {
    server = await PostgresServer.start();
  });
  after(() => server.stop());

  test('are counted as by a look at each, whoever commits', async () => {
    for (const partial of ['failure', 'ignore'] as const) {
      const url = await server.createDatabase();
      await (await openPostgresStore(url, { partial })).close();
      const database = new Database(url, usualDatabaseOptions);
      const fleet = new Fleet(database, partial);
      let counted = 0;
      await fc.assert(
        fc.asyncProperty(steps, async (own) => {
          await fleet.clear();
          let valid = true;
          for (const step of own) {
            if (step.kind === 'start') valid = await fleet.start();
            else {
              await fleet.commit(step.changes, step.counts, step.kept);
              if (step.kept) valid &&= step.counts;
            }
            counted += await fleet.compare(valid);
          }
        }),
        { numRuns: 12 },
      );
      assert.ok(counted > 200);
      await database.close();
    }
  });

  test('are told apart by the rule of the store, and a wrong count is found', async () => {
    const url = await server.createDatabase();
    await (await openPostgresStore(url, { partial: 'failure' })).close();
    const database = new Database(url, usualDatabaseOptions);
    await database.read(async (session) => {
      assert.equal(await countedFailures(session, 'total_failures', 0, 'failure'), 0);
      assert.equal(await countedFailures(session, 'total_failures', 0, 'ignore'), undefined);
      assert.equal(await failureCountFault(session), undefined);
    });
    await database.write((session) => session.query('UPDATE failure_count SET streak[2] = 1'));
    assert.match((await database.read(failureCountFault)) ?? '', /do not follow/);
    await database.close();
    const store = await openPostgresStore(url, { partial: 'failure' });
    const [finding] = (await store.verify()).filter(({ severity }) => severity === 'error');
    assert.match(finding?.detail ?? '', /numbers of devices by failures/);
    await store.close();
    // Another rule counts again in any case.
    const other = await openPostgresStore(url, { partial: 'ignore' });
    assert.deepEqual(
      (await other.verify()).filter(({ severity }) => severity === 'error'),
      [],
    );
    await other.close();
  });
});

/** Devices of a store, and what their rows should say. */
class Fleet {
  readonly #database: Database;
  readonly #partial: PartialRule;
  readonly #devices = new Map<number, DeviceRow>();
  #position = 0;

  constructor(database: Database, partial: PartialRule) {
    this.#database = database;
    this.#partial = partial;
  }

  async clear(): Promise<void> {
    this.#devices.clear();
    await this.#database.write(async (session) => {
      await session.query('TRUNCATE device');
      await countFailures(session, true);
    });
  }

  /** As a commit does it: one transaction, which moves the position. */
  async commit(
    changes: readonly { device: number; failed: number; partial: number; streak: number }[],
    counts: boolean,
    kept: boolean,
  ): Promise<void> {
    const next = new Map<number, DeviceRow>();
    const counting = new FailureChanges(this.#partial);
    for (const { device, failed, partial, streak } of changes) {
      let row = next.get(device);
      if (row === undefined) {
        row = this.#copyOf(device);
        next.set(device, row);
        counting.leave(row.state);
      }
      row.state[F.failed] = failed;
      row.state[F.partial] = partial;
      row.state[F.streak] = streak;
      row.state[F.lastSeenAt] = 0;
    }
    for (const { state } of next.values()) counting.enter(state);
    const position = this.#position + changes.length;
    const work = this.#database.write(async (session: Session) => {
      await session.query('SELECT FROM store WHERE id = 1 FOR UPDATE');
      await writeDeviceRows(session, [...next.values()]);
      const statement = counting.statement(this.#position, position);
      if (counts) await session.query(statement ?? assert.fail('nothing is written'));
      await session.query('UPDATE store SET position = $1::bigint WHERE id = 1', [position]);
      if (!kept) throw new Error('given up');
    });
    if (!kept) {
      await assert.rejects(work);
      return;
    }
    await work;
    this.#position = position;
    for (const [device, row] of next) this.#devices.set(device, { ...row, isNew: false });
  }

  #copyOf(device: number): DeviceRow {
    const known = this.#devices.get(device);
    if (known !== undefined) return { ...known, state: known.state.slice() };
    return { deviceId: `pi-${device}`, epochs: [], state: emptyState(), isNew: true };
  }

  /** As a start does it. @returns that the counts can be used */
  async start(): Promise<true> {
    await this.#database.write((session) => countFailures(session, false));
    return true;
  }

  /** @returns how many questions the counts answered */
  async compare(valid: boolean): Promise<number> {
    const rows = [...this.#devices.values()].map(({ state }) => state);
    let counted = 0;
    await this.#database.read(async (session) => {
      for (const measure of measures) {
        for (const count of thresholds) {
          const matching = rows.filter((state) => this.#failures(state, measure) > count).length;
          const kept = await countedFailures(session, measure, count, this.#partial);
          assert.equal(kept, valid && count >= 0 && count < MOST_COUNTED ? matching : undefined);
          const query = { ...deviceQuery({ limit: 1 }), moreThan: { measure, count } };
          assert.equal((await devicePage(session, query, this.#partial)).matching, matching);
          if (kept !== undefined) counted += 1;
        }
      }
      assert.equal(await failureCountFault(session), undefined);
    });
    return counted;
  }

  #failures(state: Float64Array, measure: (typeof measures)[number]): number {
    if (measure === 'consecutive_failures') return state[F.streak] as number;
    return (state[F.failed] as number) + (this.#partial === 'failure' ? (state[F.partial] as number) : 0);
  }
}
