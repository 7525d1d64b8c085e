import assert from 'node:assert/strict';
import type { CommitOutcome } from '@pisync/protocol';
import fc from 'fast-check';
import type { DetectionKey } from '../../ports/detection-store.ts';
import type { CommitGroup, DeviceKey, HistoryKey, Store, StorePolicy } from '../../ports/store.ts';
import { deviceQuery, now, usualRule } from '../make-events.ts';
import { assertStatus, readEverything, readHistory } from '../read-store.ts';
import type { OpenedStore, StoreSuite } from '../suite-recorder.ts';
import { plainPoints } from '../telemetry/make-points.ts';
import { anyCommands, type StoreCommand } from './model-commands.ts';
import { QuarantineNumbers } from './quarantine-numbers.ts';
import { placeEvent, referenceDevice, referenceTotals } from './reference-device.ts';

const anyPolicy: fc.Arbitrary<StorePolicy> = fc.record({
  partial: fc.constantFrom('failure', 'ignore', 'success'),
});

/** Stop of a property that shrinks for ever, in milliseconds: before a runner stops the test without telling what failed. */
const TIME_LIMIT_MS = 200_000;

/**
 * Registers what any sequence of commands must keep: the answers of the model where there is one, and where there is
 * none, what follows from the outcomes alone.
 */
export function modelTests(suite: StoreSuite): void {
  const { model, numRuns = 60 } = suite.options;
  const check = async (
    run: (opened: OpenedStore, policy: StorePolicy, commands: readonly StoreCommand[]) => Promise<void>,
  ) =>
    fc.assert(
      fc.asyncProperty(anyPolicy, anyCommands, (policy, commands) =>
        suite.withStore((opened) => run(opened, policy, commands), policy),
      ),
      { numRuns, interruptAfterTimeLimit: TIME_LIMIT_MS, markInterruptAsFailure: true },
    );
  if (model === undefined) {
    suite.test('keeps exactly what it acknowledged, and state that follows from it', () =>
      check((opened, policy, commands) => compareWithLedger(suite, opened, policy, commands)),
    );
  } else {
    suite.test('answers every sequence of commands as the reference model does', () =>
      check(async (opened, policy, commands) =>
        compareWithModel(suite, opened, await model(policy), commands),
      ),
    );
  }
}

async function compareWithModel(
  suite: StoreSuite,
  opened: OpenedStore,
  model: Store,
  commands: readonly StoreCommand[],
): Promise<void> {
  const { settle, supports } = suite.options;
  const numbers = new QuarantineNumbers();
  const modelNumbers = new QuarantineNumbers();
  for (const [index, command] of commands.entries()) {
    if (command.do === 'settle') await settle?.(opened.store);
    else if (command.do === 'reopen') {
      if (supports.durable) await opened.reopen();
    } else {
      const expected = await execute(model, modelNumbers, command);
      const actual = await execute(opened.store, numbers, command);
      assert.deepEqual(actual, expected, `command ${index}: ${command.do}`);
    }
  }
  const expected = await readNumbered(model, modelNumbers);
  assert.deepEqual(await readNumbered(opened.store, numbers), expected);
  await settle?.(opened.store);
  assert.deepEqual(await readNumbered(opened.store, numbers), expected, 'after settling');
}

async function readNumbered(store: Store, numbers: QuarantineNumbers): Promise<unknown> {
  const everything = await readEverything(store);
  return { ...everything, quarantine: numbers.page(everything.quarantine) };
}

/** Runs one command; a `whole` list is read page by page, so that cursors are compared, too. */
async function execute(
  store: Store,
  numbers: QuarantineNumbers,
  command: Exclude<StoreCommand, { readonly do: 'settle' | 'reopen' }>,
): Promise<unknown> {
  switch (command.do) {
    case 'commit': {
      const outcomes = await store.commit(command.group);
      await numbers.learn(store);
      return outcomes;
    }
    case 'history':
      return pages(
        async (after: HistoryKey | undefined) =>
          store.history(after === undefined ? command.query : { ...command.query, offset: undefined, after }),
        command.whole,
      );
    case 'device':
      return store.device(command.deviceId);
    case 'devices':
      return pages(
        (after: DeviceKey | undefined) => store.devices({ ...command.query, after }),
        command.whole,
      );
    case 'fleet':
      return store.fleet(command.rule, command.from, command.to);
    case 'statistics':
      return store.statistics(command.deviceId, command.from, command.to);
    case 'series':
      return store.telemetry.series(command.query);
    case 'range': {
      const answer = await store.telemetry.range(command.query);
      return answer && { points: plainPoints(answer.points), next: answer.next };
    }
    case 'aggregate': {
      const groups = await store.telemetry.aggregate(command.query);
      return groups?.map(({ starts, columns }) => [starts, ...columns].map((column) => [...column]));
    }
    case 'detections':
      return pages(
        (after: DetectionKey | undefined) => store.detections.list({ ...command.query, after }),
        command.whole,
      );
    case 'grid':
      return store.detections.grid(command.query);
    case 'quarantine': {
      const { before } = command.query;
      const query = { ...command.query, before: before === undefined ? undefined : numbers.idOf(before) };
      return numbers.page(await store.quarantine(query));
    }
    case 'discard': {
      const id = numbers.idOf(command.id);
      return [numbers.item(await store.quarantined(id)), await store.discard(id)];
    }
  }
}

async function pages<Key>(
  read: (after: Key | undefined) => Promise<{ readonly next: Key | null } | undefined>,
  whole: boolean,
): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  let after: Key | undefined;
  do {
    const page = await read(after);
    all.push(page);
    after = page?.next ?? undefined;
  } while (whole && after !== undefined);
  return all;
}

type Ledger = { readonly group: CommitGroup; readonly outcomes: readonly CommitOutcome[] }[];

/** Runs the commits only and counts their outcomes; then everything that can be asked must add up. */
async function compareWithLedger(
  suite: StoreSuite,
  opened: OpenedStore,
  policy: StorePolicy,
  commands: readonly StoreCommand[],
): Promise<void> {
  const ledger: Ledger = [];
  for (const command of commands) {
    if (command.do === 'commit') {
      // Nothing but events: what else tells of devices is not in the ledger.
      const { observations, rejected, points } = command.group;
      const group = { observations, rejected, points };
      ledger.push({ group, outcomes: await opened.store.commit(group) });
    } else if (command.do === 'settle') await suite.options.settle?.(opened.store);
    else if (command.do === 'reopen' && suite.options.supports.durable) await opened.reopen();
  }
  const items = ledger.flatMap(({ group, outcomes }) =>
    group.observations.map((event, i) => ({ event, outcome: outcomes[i] })),
  );
  const stored = items.filter((item) => item.outcome === 'stored').map((item) => item.event);
  for (const [deviceId, events] of Map.groupBy(stored, (event) => event.deviceId)) {
    const history = await readHistory(opened.store, { deviceId, limit: 9 });
    const kept = history.map(({ position: _p, epochIndex: _e, status: _s, ...event }) => event);
    const byArrival = history.toSorted((a, b) => a.position - b.position);
    assert.deepEqual(
      byArrival.map(({ position }) => stored[position - 1]),
      events,
    );
    assert.deepEqual(
      kept,
      history.map(({ position }) => stored[position - 1]),
    );
    const conflicts = items.filter((item) => item.outcome === 'conflict' && item.event.deviceId === deviceId);
    const expected = referenceDevice(history.map(placeEvent), conflicts.length, policy);
    assert.deepEqual(await opened.store.device(deviceId), expected);
  }
  const fleet = await opened.store.fleet(usualRule, 0, now);
  assert.deepEqual(fleet.totals, referenceTotals(stored));
  const devices = new Set(stored.map((event) => event.deviceId));
  assert.equal((await opened.store.devices(deviceQuery())).matching, devices.size);
  await assertStatus(opened.store, { position: stored.length, devices: devices.size });
}
