import {
  type CommitOutcome,
  type Observation,
  type ObservedDetection,
  PisyncError,
  type SeriesName,
  sameBody,
  syncStatus,
} from '@pisync/protocol';
import { foldContact } from '../../../core/contact.ts';
import { deviceState, toDeviceRecord } from '../../../core/device.ts';
import { columnsOf, selectDevices } from '../../../core/device-select.ts';
import { matchesHistory } from '../../../core/history.ts';
import { F } from '../../../core/sync-state.ts';
import { HourlyTotals, WindowTotals } from '../../../core/totals.ts';
import type { DetectionStore } from '../../../ports/detection-store.ts';
import type {
  CommitGroup,
  DevicePage,
  DeviceQuery,
  DeviceRecord,
  DeviceState,
  DeviceStatistics,
  Finding,
  FleetSummary,
  HistoryPage,
  HistoryQuery,
  QuarantinedItem,
  QuarantinePage,
  QuarantineQuery,
  RejectedItem,
  StateRule,
  Store,
  StorePolicy,
  StoreStatus,
} from '../../../ports/store.ts';
import { MemoryDetections, type SharedNumbers } from './memory-detections.ts';
import {
  createDevice,
  foldInto,
  historyKey,
  identityOf,
  type KeptEvent,
  type MemoryDevice,
  newestFirst,
  tieFor,
  withoutTie,
} from './memory-device.ts';
import { MemoryNetworks } from './memory-networks.ts';
import { MemoryTelemetry } from './memory-telemetry.ts';
import { verifyDevices } from './verify-devices.ts';

/** Events that one call of `statistics` looks at. */
const SCAN_LIMIT = 100_000;

/**
 * Opens the reference model: a store that keeps everything in plain collections and answers by looking at all of it.
 * It is the standard that other adapters are compared with, and serves tests and trials; it forgets everything when
 * the process ends.
 */
export async function openMemoryStore(policy: StorePolicy): Promise<Store> {
  return new MemoryStore(policy);
}

class MemoryStore implements Store {
  readonly supports = { durable: false, exclusive: false };
  readonly telemetry = new MemoryTelemetry(() => this.#refuseIfClosed());
  readonly detections: DetectionStore;
  readonly #detections = new MemoryDetections(() => this.#refuseIfClosed());
  readonly #policy: StorePolicy;
  readonly #devices = new Map<string, MemoryDevice>();
  readonly #hours = new HourlyTotals();
  readonly #quarantine = new Map<number, QuarantinedItem>();
  #position = 0;
  #lastQuarantineId = 0;
  #closed = false;

  constructor(policy: StorePolicy) {
    this.#policy = policy;
    const networks = new MemoryNetworks(this.#detections.all, () => this.#refuseIfClosed());
    this.detections = {
      list: (query) => this.#detections.list(query),
      grid: (query) => this.#detections.grid(query),
      networks: (query) => networks.networks(query),
      network: (key) => networks.network(key),
      networkGrid: (query) => networks.networkGrid(query),
      changes: (query) => networks.changes(query),
      namesakes: (query) => networks.namesakes(query),
    };
  }

  async commit(group: CommitGroup): Promise<readonly CommitOutcome[]> {
    this.#refuseIfClosed();
    const detected = this.#commitDetections(group.detections ?? []);
    const counted = this.#commitPoints(group);
    const outcomes = group.observations.map((observation) => this.#commitOne(observation));
    for (const item of group.rejected) this.#reject(item);
    return [...outcomes, ...detected, ...counted];
  }

  #commitDetections(detections: readonly ObservedDetection[]): CommitOutcome[] {
    const outcomes = this.#detections.commit(detections, this.#numbers);
    for (const [at, { deviceId, receivedAt }] of detections.entries()) {
      if (outcomes[at] === 'stored') this.#meet(deviceId, receivedAt);
    }
    return outcomes;
  }

  #commitPoints({ points, contactAt, counted = [] }: CommitGroup): CommitOutcome[] {
    if (points === undefined) return [];
    const skipped = new Set<number>();
    const outcomes = counted.map(({ deviceId, epoch, seq, from, to }): CommitOutcome => {
      if (this.#useNumber(deviceId, epoch, seq)) {
        if (contactAt !== undefined) this.#meet(deviceId, contactAt);
        return 'stored';
      }
      for (let at = from; at < to; at++) skipped.add(at);
      return 'duplicate';
    });
    this.telemetry.commit(points, skipped);
    if (contactAt === undefined) return outcomes;
    for (let at = 0; at < points.count; at++) {
      const { deviceId } = points.series[points.seriesOf[at] as number] as SeriesName;
      if (!skipped.has(at)) this.#meet(deviceId, contactAt);
    }
    return outcomes;
  }

  /** What detections ask of the devices. */
  readonly #numbers: SharedNumbers = {
    has: (detection) => {
      const others = this.#devices.get(detection.deviceId)?.otherNumbers;
      const number = `${detection.epoch}\n${detection.seq}`;
      return others?.has(number) === true || this.#numbers.heldByOther(detection);
    },
    heldByOther: ({ deviceId, epoch, seq }) =>
      this.#devices.get(deviceId)?.byIdentity.has(`seq\n${epoch}\n${seq}`) === true,
    note: ({ deviceId, epoch, seq }) => this.#useNumber(deviceId, epoch as string, seq as number),
    conflict: ({ deviceId }) => {
      const { row } = this.#deviceOf(deviceId);
      row[F.conflicts] = (row[F.conflicts] as number) + 1;
    },
  };

  #deviceOf(deviceId: string): MemoryDevice {
    const device = this.#devices.get(deviceId) ?? createDevice(deviceId);
    this.#devices.set(deviceId, device);
    return device;
  }

  #meet(deviceId: string, receivedAt: number): void {
    const device = this.#deviceOf(deviceId);
    foldContact(device.row, 0, receivedAt);
    device.contacts.push(receivedAt);
  }

  /** Notes a number of a counter for an observation other than an event; false where it was used before. */
  #useNumber(deviceId: string, epoch: string, seq: number): boolean {
    const device = this.#deviceOf(deviceId);
    const number = `${epoch}\n${seq}`;
    if (device.otherNumbers.has(number) || device.byIdentity.has(`seq\n${number}`)) return false;
    device.otherNumbers.add(number);
    if (!device.epochs.includes(epoch)) device.epochs.push(epoch);
    return true;
  }

  async history(query: HistoryQuery): Promise<HistoryPage | undefined> {
    this.#refuseIfClosed();
    const device = this.#devices.get(query.deviceId);
    if (device === undefined) return undefined;
    const found = newestFirst(device).filter((event) => matchesHistory(query, event, event.status));
    const start = query.offset ?? 0;
    const items = found.slice(start, start + query.limit);
    const last = items.at(-1);
    const more = start + items.length < found.length;
    return {
      items: items.map(withoutTie),
      next: more && last !== undefined ? historyKey(last) : null,
      total: device.events.length,
    };
  }

  async device(deviceId: string): Promise<DeviceRecord | undefined> {
    this.#refuseIfClosed();
    const device = this.#devices.get(deviceId);
    return device === undefined ? undefined : this.#record(device);
  }

  async devices(query: DeviceQuery): Promise<DevicePage> {
    this.#refuseIfClosed();
    const all = [...this.#devices.values()];
    const selection = selectDevices(query, {
      blocks: all.map(({ row }, first) => columnsOf(first, 1, row, this.#policy.partial)),
      id: (device) => (all[device] as MemoryDevice).deviceId,
    });
    const items = selection.devices.map((device) => this.#record(all[device] as MemoryDevice));
    return { items, next: selection.next, matching: selection.matching };
  }

  async fleet(rule: StateRule, from: number, to: number): Promise<FleetSummary> {
    this.#refuseIfClosed();
    const states: Record<DeviceState, number> = { failing: 0, silent: 0, warning: 0, ok: 0 };
    for (const { row } of this.#devices.values()) {
      states[deviceState(row[F.streak] as number, row[F.lastSeenAt] as number, rule)] += 1;
    }
    return {
      devices: this.#devices.size,
      states,
      hours: this.#hours.between(from, to),
      totals: this.#hours.total(),
    };
  }

  async statistics(deviceId: string, from: number, to: number): Promise<DeviceStatistics | undefined> {
    this.#refuseIfClosed();
    const device = this.#devices.get(deviceId);
    if (device === undefined) return undefined;
    const found = newestFirst(device).filter((event) => matchesHistory({ from, to }, event, event.status));
    const sums = new WindowTotals();
    for (const event of found.slice(0, SCAN_LIMIT)) sums.add(event);
    return { from, to, ...sums.result(), complete: found.length <= SCAN_LIMIT };
  }

  async quarantine(query: QuarantineQuery): Promise<QuarantinePage> {
    this.#refuseIfClosed();
    const matching = [...this.#quarantine.values()]
      .filter((item) => query.deviceId === undefined || item.deviceId === query.deviceId)
      .filter((item) => query.code === undefined || item.code === query.code)
      .sort((a, b) => b.id - a.id);
    const older = matching.filter((item) => query.before === undefined || item.id < query.before);
    const items = older.slice(0, query.limit);
    return {
      items,
      next: older.length > items.length ? (items.at(-1)?.id ?? null) : null,
      total: matching.length,
    };
  }

  async quarantined(id: number): Promise<QuarantinedItem | undefined> {
    this.#refuseIfClosed();
    return this.#quarantine.get(id);
  }

  async discard(id: number): Promise<boolean> {
    this.#refuseIfClosed();
    return this.#quarantine.delete(id);
  }

  status(): StoreStatus {
    return {
      state: this.#closed ? 'closed' : 'ready',
      notes: [],
      position: this.#position,
      devices: this.#devices.size,
      waiting: 0,
      gauges: {},
    };
  }

  async verify(): Promise<readonly Finding[]> {
    this.#refuseIfClosed();
    return verifyDevices(this.#devices.values(), this.#policy.partial);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #commitOne(observation: Observation): CommitOutcome {
    const identity = identityOf(observation);
    const known = this.#devices.get(observation.deviceId);
    const earlier = identity === null ? undefined : known?.byIdentity.get(identity);
    if (known !== undefined && earlier !== undefined) {
      if (sameBody(earlier, observation)) return 'duplicate';
      known.row[F.conflicts] = (known.row[F.conflicts] as number) + 1;
      return 'conflict';
    }
    if (known?.otherNumbers.has(`${observation.epoch}\n${observation.seq}`) === true) {
      if (!this.#detections.holdsNumber(observation)) return 'duplicate';
      known.row[F.conflicts] = (known.row[F.conflicts] as number) + 1;
      return 'conflict';
    }
    const device = this.#deviceOf(observation.deviceId);
    const event = this.#place(device, observation);
    foldInto(device.row, event, device.events, this.#policy.partial);
    device.events.push(event);
    if (identity !== null) device.byIdentity.set(identity, event);
    this.#hours.add(event);
    return 'stored';
  }

  /** Gives a new observation its places: in the store, among the device's epochs, and within its instant. */
  #place(device: MemoryDevice, observation: Observation): KeptEvent {
    const { epoch } = observation;
    this.#position += 1;
    if (epoch !== null && !device.epochs.includes(epoch)) device.epochs.push(epoch);
    return {
      ...observation,
      position: this.#position,
      epochIndex: epoch === null ? 0 : device.epochs.indexOf(epoch) + 1,
      tie: tieFor(observation, this.#position),
      status: syncStatus(observation.totalFilesSynced, observation.totalErrors),
    };
  }

  #reject(item: RejectedItem): void {
    for (const kept of this.#quarantine.values()) {
      if (kept.deviceId !== item.deviceId || kept.code !== item.code || kept.raw !== item.raw) continue;
      const lastReceivedAt = Math.max(kept.lastReceivedAt, item.receivedAt);
      this.#quarantine.set(kept.id, { ...kept, count: kept.count + 1, lastReceivedAt });
      return;
    }
    this.#lastQuarantineId += 1;
    const id = this.#lastQuarantineId;
    this.#quarantine.set(id, { ...item, id, count: 1, lastReceivedAt: item.receivedAt });
  }

  #record(device: MemoryDevice): DeviceRecord {
    return toDeviceRecord(device.deviceId, device.row, 0, device.epochs.length, this.#policy.partial);
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new PisyncError('store_closed');
  }
}
