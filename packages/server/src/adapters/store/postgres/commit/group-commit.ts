import type { CommitOutcome, Observation, ObservedDetection, SeriesName } from '@pisync/protocol';
import { foldContact } from '../../../../core/contact.ts';
import { fold, type PartialRule } from '../../../../core/fold.ts';
import { identityHash, identityKind, tieOf } from '../../../../core/identity.ts';
import { F } from '../../../../core/sync-state.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type { CommitGroup, CountedPoints } from '../../../../ports/store.ts';
import type { PointPart } from '../telemetry/write-points.ts';
import type { DeviceRows } from './device-rows.ts';
import type { DeviceRow } from './device-state.ts';
import type { PlacedEvent } from './event-rows.ts';
import { type Claim, countedClaim, detectionClaim, eventClaim } from './identities.ts';

/** Counters of the store, as the locked row tells them. */
export interface StoreCounters {
  position: number;
  ordinal: number;
  series: number;
}

/** What only the database can tell: the failures after a success that came late. */
export interface Recount {
  readonly device: DeviceRow;
  readonly success: PlacedEvent;
}

/**
 * What becomes of the groups of one transaction. It is decided in the order of the port: group by group, and in each group
 * detections, telemetry, events.
 */
export class GroupCommit {
  /** What is to be written. */
  readonly events: PlacedEvent[] = [];
  readonly detections: StoredDetection[] = [];
  readonly points: PointPart[] = [];
  /** What is claimed for the first time, in the order in which it was judged. */
  readonly claims: Claim[] = [];
  readonly #partial: PartialRule;
  readonly #counters: StoreCounters;
  readonly #devices: DeviceRows;
  /** What is known by identity: from before, and from this transaction on. */
  readonly #known: Map<string, string | null>;

  /**
   * @param counters - of the store before; changed
   * @param devices - all that the groups name, as far as they exist; changed
   * @param known - what was stored before under what the groups claim; changed
   */
  constructor(
    partial: PartialRule,
    counters: StoreCounters,
    devices: DeviceRows,
    known: Map<string, string | null>,
  ) {
    this.#partial = partial;
    this.#counters = counters;
    this.#devices = devices;
    this.#known = known;
  }

  /**
   * Yields where a streak has to be counted again before it can go on. To be called once.
   *
   * @returns for each group what `Store.commit` returns
   */
  *decide(groups: readonly PreparedGroup[]): Generator<Recount, CommitOutcome[][], void> {
    const outcomes: CommitOutcome[][] = [];
    for (const { group, events, detections, counted } of groups) {
      const { observations, detections: detected = [] } = group;
      const ofDetections = detected.map((one, at) =>
        this.#admitDetection(one, detections[at] as Claim | null),
      );
      const ofCounted = this.#admitPoints(group, counted);
      const ofGroup: CommitOutcome[] = [];
      for (let at = 0; at < observations.length; at++) {
        const event = observations[at] as Observation;
        const outcome = this.#judge(events[at] as Claim | null);
        ofGroup.push(outcome);
        if (outcome === 'conflict') this.#countConflict(event.deviceId);
        if (outcome !== 'stored') continue;
        const device = this.#devices.change(event.deviceId);
        const placed = this.#place(event, device);
        if (fold(device.state, 0, placed, this.#partial)) yield { device, success: placed };
        this.events.push(placed);
      }
      outcomes.push([...ofGroup, ...ofDetections, ...ofCounted]);
    }
    return outcomes;
  }

  /** The outcome of a claim; from here on it is known. */
  #judge(claim: Claim | null): CommitOutcome {
    if (claim === null) return 'stored';
    const body = this.#known.get(claim.key);
    if (body === undefined) {
      this.#known.set(claim.key, claim.body);
      this.claims.push(claim);
      return 'stored';
    }
    return body === null || claim.body === null || body === claim.body ? 'duplicate' : 'conflict';
  }

  #countConflict(deviceId: string): void {
    this.#devices.change(deviceId).state[F.conflicts]! += 1;
  }

  /** Gives a new event its places: in the store, among the device's epochs, and within its instant. */
  #place(event: Observation, device: DeviceRow): PlacedEvent {
    this.#counters.position += 1;
    const { position } = this.#counters;
    const epochIndex = event.epoch === null ? 0 : this.#devices.epochIndex(device, event.epoch);
    return { ...event, position, epochIndex, tie: tieFor(event, position) };
  }

  #admitDetection(detection: ObservedDetection, claim: Claim | null): CommitOutcome {
    const outcome = this.#judge(claim);
    if (outcome === 'conflict') this.#countConflict(detection.deviceId);
    if (outcome !== 'stored') return outcome;
    const device = this.#devices.change(detection.deviceId);
    if (detection.epoch !== null) this.#devices.epochIndex(device, detection.epoch);
    foldContact(device.state, 0, detection.receivedAt);
    this.#counters.ordinal += 1;
    this.detections.push({ ...detection, ordinal: this.#counters.ordinal });
    return outcome;
  }

  #admitPoints({ points, contactAt, counted = [] }: CommitGroup, claims: readonly Claim[]): CommitOutcome[] {
    if (points === undefined) return [];
    const dropped = new Uint8Array(points.count);
    const outcomes = counted.map((one, at): CommitOutcome => {
      if (this.#judge(claims[at] as Claim) !== 'stored') {
        dropped.fill(1, one.from, one.to);
        return 'duplicate';
      }
      const device = this.#devices.change(one.deviceId);
      this.#devices.epochIndex(device, one.epoch);
      if (contactAt !== undefined) foldContact(device.state, 0, contactAt);
      return 'stored';
    });
    this.points.push({ points, dropped });
    if (contactAt !== undefined) this.#meetDevices(points.series, points.seriesOf, dropped, contactAt);
    return outcomes;
  }

  #meetDevices(
    series: readonly SeriesName[],
    seriesOf: Int32Array,
    dropped: Uint8Array,
    contactAt: number,
  ): void {
    const met = new Set<number>();
    for (let at = 0; at < dropped.length; at++) if (dropped[at] === 0) met.add(seriesOf[at] as number);
    const devices = new Set<string>();
    for (const one of met) devices.add((series[one] as SeriesName).deviceId);
    for (const deviceId of devices) foldContact(this.#devices.change(deviceId).state, 0, contactAt);
  }
}

/** A group with what its items claim, worked out before the store is locked. */
export interface PreparedGroup {
  readonly group: CommitGroup;
  readonly events: readonly (Claim | null)[];
  readonly detections: readonly (Claim | null)[];
  readonly counted: readonly Claim[];
}

export function prepareGroup(group: CommitGroup): PreparedGroup {
  return {
    group,
    events: group.observations.map(eventClaim),
    detections: (group.detections ?? []).map(detectionClaim),
    counted: (group.counted ?? []).map((one: CountedPoints) => countedClaim(one)),
  };
}

/** Keys of all that the groups claim. */
export function keysOf(groups: readonly PreparedGroup[]): Set<string> {
  const keys = new Set<string>();
  for (const { detections, counted, events } of groups) {
    for (const list of [detections, counted, events]) {
      for (const claim of list) if (claim !== null) keys.add(claim.key);
    }
  }
  return keys;
}

/** All devices that the groups name. */
export function devicesOf(groups: readonly PreparedGroup[]): Set<string> {
  const ids = new Set<string>();
  for (const { observations, detections = [], points, counted = [] } of groups.map(({ group }) => group)) {
    for (const { deviceId } of observations) ids.add(deviceId);
    for (const { deviceId } of detections) ids.add(deviceId);
    for (const { deviceId } of counted) ids.add(deviceId);
    for (const { deviceId } of points?.series ?? []) ids.add(deviceId);
  }
  return ids;
}

function tieFor(event: Observation, position: number): number {
  if (event.seq !== null) return event.seq;
  if (identityKind(event) === 'none') return position;
  const { high, low } = identityHash(event);
  return tieOf(high, low);
}
