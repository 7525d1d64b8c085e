import type { Observation } from '@pisync/protocol';
import { openMemoryStore } from '../../../../src/adapters/store/memory/memory-store.ts';
import { type BlockRow, toStoredEvent } from '../../../../src/adapters/store/sqlite/format/block.ts';
import { ByteWriter } from '../../../../src/adapters/store/sqlite/format/bytes.ts';
import { writeRecord } from '../../../../src/adapters/store/sqlite/format/record.ts';
import { packPoints } from '../../../../src/adapters/store/sqlite/points/point-parcel.ts';
import { queryPointTail, querySeries } from '../../../../src/adapters/store/sqlite/points/point-queries.ts';
import { readPoints } from '../../../../src/adapters/store/sqlite/points/point-reads.ts';
import type { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';
import { queryDevices, queryFleet, queryTail } from '../../../../src/adapters/store/sqlite/state/queries.ts';
import { mergeSorted, SealedHistory } from '../../../../src/adapters/store/sqlite/state/sealed-history.ts';
import { deviceQuery, hour, now, usualRule } from '../../../../src/conformance/make-events.ts';
import { readTelemetry } from '../../../../src/conformance/read-store.ts';
import { compareHistory } from '../../../../src/core/history.ts';
import { identityKind } from '../../../../src/core/identity.ts';
import type { CommitGroup, Store, StoredSyncEvent, StorePolicy } from '../../../../src/ports/store.ts';
import type { TelemetryStore } from '../../../../src/ports/telemetry-store.ts';

const outcomeNames = ['stored', 'duplicate', 'conflict'] as const;
const ever = { from: 0, to: now + 1000 * hour };
const all = 1_000_000;

/** Everything that can be asked of a store, in one shape for the engine and for the model. */
export interface Answers {
  readonly position: number;
  readonly devices: unknown;
  readonly fleet: unknown;
  readonly quarantine: unknown;
  readonly histories: Readonly<Record<string, unknown>>;
  readonly telemetry: unknown;
}

/** Commits a group as the writer thread does. */
export function commitTo(engine: Engine, group: CommitGroup): (typeof outcomeNames)[number][] {
  const writer = new ByteWriter(64);
  for (const observation of group.observations) writeRecord(writer, observation);
  const codes = engine.commit(
    writer.written(),
    group.observations.length,
    group.rejected,
    group.points === undefined ? [] : [packPoints(group.points)],
  );
  return [...codes].map((code) => outcomeNames[code] as (typeof outcomeNames)[number]);
}

/** Asks an engine everything; history is merged from the tail and the runs as the reading thread does. */
export async function answersOf(engine: Engine): Promise<Answers> {
  const { ledger } = engine;
  const devices = queryDevices(ledger, deviceQuery({ limit: all }));
  return {
    position: ledger.tail.nextPosition - 1,
    devices,
    fleet: queryFleet(ledger, usualRule, ever.from, ever.to),
    quarantine: engine.quarantine.list({ limit: 1000 }),
    histories: Object.fromEntries(
      devices.items.map(({ deviceId }) => [deviceId, engineHistory(engine, deviceId)]),
    ),
    telemetry: await readTelemetry({ telemetry: engineTelemetry(engine) }),
  };
}

/** Reads as the writer and the reading thread do between them. */
function engineTelemetry({ points, db }: Engine): Pick<TelemetryStore, 'series' | 'range'> {
  return {
    series: async (query) => querySeries(points, query),
    async range(query) {
      const tail = queryPointTail(points, query);
      if (tail === null) return undefined;
      const answer = readPoints(db, { ...query, tail: { ...tail, generation: 0 } });
      return answer === 'stale' ? undefined : answer;
    },
  };
}

function engineHistory(engine: Engine, deviceId: string): { total: number; items: StoredSyncEvent[] } {
  const tail = queryTail(engine, deviceId, {}, all);
  if (tail === null) throw new Error(`${deviceId} is not known`);
  const history = new SealedHistory(engine.db);
  const sources: Iterator<BlockRow>[] = tail.runs.map((run) => history.rows(run, tail.device));
  sources.push(tail.rows[Symbol.iterator]());
  const rows = [...mergeSorted(sources, (a, b) => compareHistory(b, a))];
  const items = rows.map((row) =>
    toStoredEvent(row, deviceId, row.epochIndex === 0 ? null : (tail.epochs[row.epochIndex - 1] as string)),
  );
  return { total: tail.total, items };
}

/** The same of the reference model, which has taken the same groups. */
async function answersOfModel(model: Store): Promise<Answers> {
  const devices = await model.devices(deviceQuery({ limit: all }));
  const histories: Record<string, unknown> = {};
  for (const { deviceId } of devices.items) {
    const page = await model.history({ deviceId, limit: all });
    histories[deviceId] = { total: page?.total, items: page?.items };
  }
  return {
    position: model.status().position,
    devices,
    fleet: await model.fleet(usualRule, ever.from, ever.to),
    quarantine: await model.quarantine({ limit: 1000 }),
    histories,
    telemetry: await readTelemetry(model),
  };
}

/** The reference model, and what was told to it. */
export class Told {
  readonly #model: Store;
  /** Observations that were stored and have an identity: sent again, each is a duplicate. */
  readonly known: Observation[] = [];

  constructor(model: Store) {
    this.#model = model;
  }

  static async nothing(policy: StorePolicy): Promise<Told> {
    return new Told(await openMemoryStore(policy));
  }

  async commit(group: CommitGroup): Promise<readonly string[]> {
    const outcomes = await this.#model.commit(group);
    for (const [index, outcome] of outcomes.entries()) {
      const observation = group.observations[index] as Observation;
      if (outcome === 'stored' && identityKind(observation) !== 'none') this.known.push(observation);
    }
    return outcomes;
  }

  answers(): Promise<Answers> {
    return answersOfModel(this.#model);
  }
}
