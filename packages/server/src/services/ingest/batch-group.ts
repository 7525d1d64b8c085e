import {
  type CommitOutcome,
  type ItemProblem,
  type Observation,
  type ObservedDetection,
  PointBatchBuilder,
  type TelemetryObservation,
} from '@pisync/protocol';
import { correctionOf } from '../../core/clock.ts';
import type { PointClock } from '../../core/telemetry/point-clock.ts';
import type { CommitGroup, CountedPoints, RejectedItem } from '../../ports/store.ts';
import { settlePoints } from '../telemetry/settle-points.ts';
import { ownerOf } from './ingest.ts';

/** Points from which a group is full, whatever the number of its items. */
const FULL_POINTS = 32_768;
/** Points of one observation, so that it fits into one commit together with a group that is not full. */
export const MAX_OBSERVATION_POINTS = 32_768;

const EVENT = 0;
const DETECTION = 1;
const COUNTED = 2;
/** Telemetry without a counter: there is nothing that it could be a duplicate of. */
const UNCOUNTED = 3;

/** Items of a batch that are committed together, of whatever kind, in the order in which they came. */
export class BatchGroup {
  readonly points = new PointBatchBuilder(0);
  readonly #observations: Observation[] = [];
  readonly #detections: ObservedDetection[] = [];
  readonly #telemetry: TelemetryObservation[] = [];
  readonly #rejected: RejectedItem[] = [];
  readonly #owners: (string | null)[] = [];
  /** Kind of each item that was not rejected; empty while all are events. */
  readonly #kinds: number[] = [];

  /** The device of each item, null where none could be read. */
  get owners(): readonly (string | null)[] {
    return this.#owners;
  }

  get full(): boolean {
    return this.points.count >= FULL_POINTS;
  }

  keepEvent(observation: Observation): void {
    if (this.#kinds.length > 0) this.#kinds.push(EVENT);
    this.#observations.push(observation);
    this.#owners.push(observation.deviceId);
  }

  keepDetection(detection: ObservedDetection): void {
    this.#kind(DETECTION);
    this.#detections.push(detection);
    this.#owners.push(detection.deviceId);
  }

  /** Takes telemetry whose points were added to {@link points}. */
  keepTelemetry(observation: TelemetryObservation): void {
    this.#kind(observation.counter === null ? UNCOUNTED : COUNTED);
    this.#telemetry.push(observation);
    this.#owners.push(observation.deviceId);
  }

  reject(problem: ItemProblem, item: RejectedItem): void {
    this.#rejected.push(item);
    this.#owners.push(ownerOf(problem));
  }

  #kind(kind: number): void {
    if (this.#kinds.length === 0) for (const _ of this.#observations) this.#kinds.push(EVENT);
    this.#kinds.push(kind);
  }

  /** What the store is given. The group's points are handed over. */
  finish(clock: PointClock): CommitGroup {
    const group = {
      observations: this.#observations,
      rejected: this.#rejected,
      detections: this.#detections,
    };
    if (this.#telemetry.length === 0) return group;
    const points = this.points.finish();
    const counted: CountedPoints[] = [];
    for (const { deviceId, counter, sentAt, from, to } of this.#telemetry) {
      if (counter === null) continue;
      counted.push({ deviceId, ...counter, from, to });
      // Only what is known by its number may be moved: elsewhere the time is part of what a point is known by.
      const correction = correctionOf(sentAt, clock.receivedAt) * 1000;
      if (correction === 0) continue;
      for (let at = from; at < to; at += 1) points.times[at] = (points.times[at] as number) + correction;
    }
    settlePoints(points, clock);
    return { ...group, points, counted, contactAt: clock.receivedAt };
  }

  /** The outcomes of a commit in the order of the items that were not rejected. */
  inOrder(outcomes: readonly CommitOutcome[]): readonly CommitOutcome[] {
    if (this.#kinds.length === 0) return outcomes;
    const next = [0, this.#observations.length, this.#observations.length + this.#detections.length];
    return this.#kinds.map((kind) => {
      if (kind === UNCOUNTED) return 'stored';
      const place = next[kind] as number;
      next[kind] = place + 1;
      return outcomes[place] as CommitOutcome;
    });
  }
}
