import type { Observation, ObservedDetection } from '@pisync/protocol';
import { openMemoryStore } from '../../../../src/adapters/store/memory/memory-store.ts';
import { ByteWriter } from '../../../../src/adapters/store/sealed/bytes.ts';
import { DetectionReads } from '../../../../src/adapters/store/sqlite/detections/detection-reads.ts';
import { type BlockRow, toStoredEvent } from '../../../../src/adapters/store/sqlite/format/block.ts';
import { writeDetection } from '../../../../src/adapters/store/sqlite/format/detection-record.ts';
import { writeRecord } from '../../../../src/adapters/store/sqlite/format/record.ts';
import { NetworkQueries } from '../../../../src/adapters/store/sqlite/networks/network-queries.ts';
import { packPoints } from '../../../../src/adapters/store/sqlite/points/point-parcel.ts';
import { queryPointTail, querySeries } from '../../../../src/adapters/store/sqlite/points/point-queries.ts';
import { aggregatePoints, readPoints } from '../../../../src/adapters/store/sqlite/points/point-reads.ts';
import { Committer, writeCounted } from '../../../../src/adapters/store/sqlite/state/committer.ts';
import type { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';
import { queryDevices, queryFleet, queryTail } from '../../../../src/adapters/store/sqlite/state/queries.ts';
import { mergeSorted, SealedHistory } from '../../../../src/adapters/store/sqlite/state/sealed-history.ts';
import { deviceQuery, hour, now, usualRule } from '../../../../src/conformance/make-events.ts';
import { readTelemetry } from '../../../../src/conformance/read-store.ts';
import { detectionIdentityKind } from '../../../../src/core/detections/detection-identity.ts';
import { compareHistory } from '../../../../src/core/history.ts';
import { identityKind } from '../../../../src/core/identity.ts';
import type { NetworkRecord } from '../../../../src/ports/detection-store.ts';
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
  readonly detections: unknown;
  readonly networks: unknown;
}

/** Commits a group as the writer thread does. */
export function commitTo(engine: Engine, group: CommitGroup): (typeof outcomeNames)[number][] {
  const writer = new ByteWriter(64);
  for (const observation of group.observations) writeRecord(writer, observation);
  const { points, contactAt, counted = [] } = group;
  const numbers = new ByteWriter(64);
  for (const one of counted) writeCounted(numbers, one);
  const { detections = [] } = group;
  const heard = new ByteWriter(64);
  for (const detection of detections) writeDetection(heard, detection);
  const outcomes = new Committer(engine).commit({
    records: writer.written(),
    count: group.observations.length,
    rejected: group.rejected,
    detections: heard.written(),
    detectionCount: detections.length,
    parcels:
      points === undefined
        ? []
        : [
            {
              bytes: packPoints(points),
              contactAt: contactAt ?? null,
              counted: counted.length === 0 ? null : numbers.written(),
            },
          ],
  });
  return [...outcomes.events, ...outcomes.detections, ...outcomes.counted].map(
    (code) => outcomeNames[code] as (typeof outcomeNames)[number],
  );
}

/**
 * Asks an engine everything; history is merged from the tail and the runs as the reading thread does.
 *
 * @param networks - `folded` to write what is missing in them first, as a question does; else they answer as they are
 */
export async function answersOf(
  engine: Engine,
  networks: 'folded' | 'as they are' = 'folded',
): Promise<Answers> {
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
    detections: new DetectionReads(engine.db).list({ filter: {}, limit: 1000 }),
    networks: countsOf(allNetworks(engine, networks === 'folded')),
  };
}

function allNetworks(engine: Engine, fold: boolean): readonly NetworkRecord[] {
  while (fold && engine.detections.unfolded > 0) engine.transaction(() => engine.detections.fold());
  return new NetworkQueries(engine.db).networks({ filter: {}, limit: 1000 }).items;
}

/** What of networks is exact: positions depend on the order of additions in their last digits. */
function countsOf(networks: readonly NetworkRecord[]): unknown {
  return networks.map(({ position, ...network }) => ({
    ...network,
    observations: position?.observations ?? null,
  }));
}

/** Reads as the writer and the reading thread do between them. */
function engineTelemetry({ points, db }: Engine): Pick<TelemetryStore, 'series' | 'range' | 'aggregate'> {
  return {
    series: async (query) => querySeries(points, query),
    async range(query) {
      const tail = queryPointTail(points, query);
      if (tail === null) return undefined;
      const answer = readPoints(db, { ...query, tail: { ...tail, generation: 0 } });
      return answer === 'stale' ? undefined : answer;
    },
    async aggregate(query) {
      const tail = queryPointTail(points, query);
      if (tail === null) return undefined;
      const answer = aggregatePoints(db, { ...query, tail: { ...tail, generation: 0 } });
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
    detections: await model.detections.list({ filter: {}, limit: 1000 }),
    networks: countsOf((await model.detections.networks({ filter: {}, limit: 1000 })).items),
  };
}

/** The reference model, and what was told to it. */
export class Told {
  readonly #model: Store;
  /** Observations that were stored and have an identity: sent again, each is a duplicate. */
  readonly known: Observation[] = [];
  readonly knownDetections: ObservedDetection[] = [];

  constructor(model: Store) {
    this.#model = model;
  }

  static async nothing(policy: StorePolicy): Promise<Told> {
    return new Told(await openMemoryStore(policy));
  }

  async commit(group: CommitGroup): Promise<readonly string[]> {
    const outcomes = await this.#model.commit(group);
    for (const [index, observation] of group.observations.entries()) {
      if (outcomes[index] === 'stored' && identityKind(observation) !== 'none') this.known.push(observation);
    }
    for (const [index, detection] of (group.detections ?? []).entries()) {
      const outcome = outcomes[group.observations.length + index];
      if (outcome === 'stored' && detectionIdentityKind(detection) !== 'none')
        this.knownDetections.push(detection);
    }
    return outcomes;
  }

  answers(): Promise<Answers> {
    return answersOfModel(this.#model);
  }
}
