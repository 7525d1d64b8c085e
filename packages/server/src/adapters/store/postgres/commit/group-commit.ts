import type { CommitOutcome, Observation, ObservedDetection, SeriesName } from '@pisync/protocol';
import { foldContact } from '../../../../core/contact.ts';
import { fold, type PartialRule } from '../../../../core/fold.ts';
import { identityHash, identityKind, tieOf } from '../../../../core/identity.ts';
import { F } from '../../../../core/sync-state.ts';
import type { StoredDetection } from '../../../../ports/detection-store.ts';
import type { CommitGroup, CountedPoints, RejectedItem } from '../../../../ports/store.ts';
import type { Session } from '../connection/session.ts';
import { writeDetections } from '../detections/write-detections.ts';
import type { PointPart } from '../telemetry/write-points.ts';
import { writePoints } from '../telemetry/write-points.ts';
import { DeviceRows, type KeptDevices } from './device-rows.ts';
import type { DeviceRow } from './device-state.ts';
import { type PlacedEvent, writeEvents } from './event-rows.ts';
import { addToHours } from './hour-rows.ts';
import { type Claim, claimAll, countedClaim, detectionClaim, eventClaim } from './identities.ts';
import { writeRejected } from './quarantine-rows.ts';
import { recountStreak } from './recount-streak.ts';

/** Counters of the store, as the locked row tells them. */
export interface StoreCounters {
  position: number;
  ordinal: number;
  series: number;
}

/** What one transaction changed, beside the outcomes. */
export interface CommitResult {
  /** For each group, as `Store.commit` returns them. */
  readonly outcomes: readonly (readonly CommitOutcome[])[];
  readonly addedDevices: number;
}

/**
 * Commits groups in one transaction, which holds the lock on the store. What each item becomes is decided in the order of
 * the port: group by group, and in each group detections, telemetry, events.
 */
export class GroupCommit {
  readonly #session: Session;
  readonly #partial: PartialRule;
  readonly #counters: StoreCounters;
  readonly #devices: DeviceRows;
  readonly #events: PlacedEvent[] = [];
  readonly #detections: StoredDetection[] = [];
  readonly #points: PointPart[] = [];
  /** What is known by identity: from before, and from this transaction on. */
  #known = new Map<string, string | null>();

  constructor(session: Session, partial: PartialRule, counters: StoreCounters, kept: KeptDevices) {
    this.#session = session;
    this.#partial = partial;
    this.#counters = counters;
    this.#devices = new DeviceRows(kept);
  }

  /**
   * Changes the counters it was given.
   *
   * @param allNew - as `claimAll` takes it
   */
  async run(groups: readonly PreparedGroup[], allNew: boolean): Promise<CommitResult> {
    const session = this.#session;
    const claiming = claimAll(session, claimsOf(groups), allNew);
    const loading = this.#devices.load(session, devicesOf(groups));
    if (!allNew) {
      this.#known = new Map((await inOrder([claiming, loading]))[0]);
      return this.#write(groups);
    }
    // Nothing of what follows depends on the answer: the server works while it is worked out. Where something was known
    // all the same, all that follows fails as well, and that it was is what counts.
    const [claimed, written] = await Promise.allSettled([claiming, loading.then(() => this.#write(groups))]);
    if (claimed.status === 'rejected') throw claimed.reason;
    if (written.status === 'rejected') throw written.reason;
    return written.value;
  }

  async #write(groups: readonly PreparedGroup[]): Promise<CommitResult> {
    const session = this.#session;
    const outcomes: CommitOutcome[][] = [];
    for (const group of groups) outcomes.push(await this.#admit(group));
    const [addedDevices] = await inOrder([
      this.#devices.write(session),
      writeEvents(session, this.#events),
      addToHours(session, this.#events),
    ]);
    await this.#writeOthers(groups.flatMap(({ group }) => group.rejected));
    return { outcomes, addedDevices };
  }

  async #writeOthers(rejected: readonly RejectedItem[]): Promise<void> {
    const session = this.#session;
    // They use the client itself, and so wait for what is under way.
    await session.inTurn(async () => {});
    await writeDetections(session, this.#detections);
    this.#counters.series = await writePoints(session, this.#points, this.#counters.series);
    await writeRejected(session, rejected);
  }

  /** To be called when the transaction has ended well. */
  keep(): void {
    this.#devices.keep();
  }

  async #admit({ group, events, detections, counted }: PreparedGroup): Promise<CommitOutcome[]> {
    const { observations, detections: detected = [] } = group;
    const ofDetections = detected.map((one, at) => this.#admitDetection(one, detections[at] as Claim | null));
    const ofCounted = this.#admitPoints(group, counted);
    const outcomes: CommitOutcome[] = [];
    for (const [at, event] of observations.entries()) {
      outcomes.push(await this.#admitEvent(event, events[at] as Claim | null));
    }
    return [...outcomes, ...ofDetections, ...ofCounted];
  }

  /** The outcome of a claim; from here on it is known. */
  #judge(claim: Claim | null): CommitOutcome {
    if (claim === null) return 'stored';
    const body = this.#known.get(claim.key);
    if (body === undefined) {
      this.#known.set(claim.key, claim.body);
      return 'stored';
    }
    return body === null || claim.body === null || body === claim.body ? 'duplicate' : 'conflict';
  }

  #countConflict(deviceId: string): void {
    this.#devices.change(deviceId).state[F.conflicts]! += 1;
  }

  async #admitEvent(event: Observation, claim: Claim | null): Promise<CommitOutcome> {
    const outcome = this.#judge(claim);
    if (outcome === 'conflict') this.#countConflict(event.deviceId);
    if (outcome !== 'stored') return outcome;
    const device = this.#devices.change(event.deviceId);
    this.#counters.position += 1;
    const placed = place(event, device, this.#devices, this.#counters.position);
    if (fold(device.state, 0, placed, this.#partial)) {
      await recountStreak(this.#session, device, placed, this.#events, this.#partial);
    }
    this.#events.push(placed);
    return outcome;
  }

  #admitDetection(detection: ObservedDetection, claim: Claim | null): CommitOutcome {
    const outcome = this.#judge(claim);
    if (outcome === 'conflict') this.#countConflict(detection.deviceId);
    if (outcome !== 'stored') return outcome;
    const device = this.#devices.change(detection.deviceId);
    if (detection.epoch !== null) this.#devices.epochIndex(device, detection.epoch);
    foldContact(device.state, 0, detection.receivedAt);
    this.#counters.ordinal += 1;
    this.#detections.push({ ...detection, ordinal: this.#counters.ordinal });
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
    this.#points.push({ points, dropped });
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

/** Waits for all, also where one fails: the connection is free only then. Throws what failed first. */
async function inOrder<T extends readonly Promise<unknown>[]>(
  work: readonly [...T],
): Promise<{ -readonly [At in keyof T]: Awaited<T[At]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** Every claim of the groups once, in the order in which they are judged: the first of a key is the one that is kept. */
function claimsOf(groups: readonly PreparedGroup[]): Map<string, string | null> {
  const claims = new Map<string, string | null>();
  for (const { detections, counted, events } of groups) {
    for (const list of [detections, counted, events]) {
      for (const claim of list) {
        if (claim !== null && !claims.has(claim.key)) claims.set(claim.key, claim.body);
      }
    }
  }
  return claims;
}

function devicesOf(groups: readonly PreparedGroup[]): Set<string> {
  const ids = new Set<string>();
  for (const { observations, detections = [], points, counted = [] } of groups.map(({ group }) => group)) {
    for (const { deviceId } of observations) ids.add(deviceId);
    for (const { deviceId } of detections) ids.add(deviceId);
    for (const { deviceId } of counted) ids.add(deviceId);
    for (const { deviceId } of points?.series ?? []) ids.add(deviceId);
  }
  return ids;
}

/** Gives a new event its places: in the store, among the device's epochs, and within its instant. */
function place(event: Observation, device: DeviceRow, devices: DeviceRows, position: number): PlacedEvent {
  const { epoch } = event;
  const epochIndex = epoch === null ? 0 : devices.epochIndex(device, epoch);
  return { ...event, position, epochIndex, tie: tieFor(event, position) };
}

function tieFor(event: Observation, position: number): number {
  if (event.seq !== null) return event.seq;
  if (identityKind(event) === 'none') return position;
  const { high, low } = identityHash(event);
  return tieOf(high, low);
}
