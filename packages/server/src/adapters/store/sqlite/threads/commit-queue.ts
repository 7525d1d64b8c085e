import type { CommitOutcome, PointBatch } from '@pisync/protocol';
import type { CommitGroup, RejectedItem } from '../../../../ports/store.ts';
import { ByteWriter } from '../../sealed/bytes.ts';
import { DetectionTail } from '../detections/detection-tail.ts';
import { writeDetection } from '../format/detection-record.ts';
import { writeRecord } from '../format/record.ts';
import { packPoints } from '../points/point-parcel.ts';
import { PointTail } from '../points/point-tail.ts';
import {
  type CommitMessage,
  type CommitOutcomes,
  type PointParcel,
  writeCounted,
} from '../state/committer.ts';
import { Tail } from '../state/tail.ts';
import type { ThreadCaller } from './thread-call.ts';
import type { CommitAnswer } from './writer.ts';

/** A parcel is closed at so many observations or bytes; one group is never split. */
const PARCEL_EVENTS = 8_192;
const PARCEL_BYTES = 1024 * 1024;
/** A parcel is closed at so many points, too. */
const PARCEL_POINTS = 65_536;
const FIRST_CAPACITY = 4_096;
const NOTHING: readonly never[] = [];
const NO_RECORDS = new ByteWriter(0);

const outcomeNames: readonly CommitOutcome[] = ['stored', 'duplicate', 'conflict'];
const singles = outcomeNames.map((outcome) => [outcome] as const);

interface Waiter {
  readonly events: number;
  readonly eventCount: number;
  readonly detections: number;
  readonly detectionCount: number;
  readonly counted: number;
  readonly countedCount: number;
  readonly resolve: (outcomes: readonly CommitOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Groups that are committed together. */
class Parcel {
  readonly writer: ByteWriter;
  detections = NO_RECORDS;
  detectionCount = 0;
  readonly rejected: RejectedItem[] = [];
  readonly parcels: PointParcel[] = [];
  readonly waiters: Waiter[] = [];
  events = 0;
  points = 0;
  counted = 0;

  constructor(capacity: number) {
    this.writer = new ByteWriter(capacity);
  }
}

/**
 * Group commit: whatever comes while the writer flushes goes to it in one message, and is one flush. One message is under
 * way at a time, so that groups grow with the load; a second one would keep the writer from idling for a few microseconds,
 * yet was measured to halve the groups and to cost more than that.
 */
export class CommitQueue {
  readonly #writer: ThreadCaller;
  readonly #onAnswer: (answer: CommitAnswer) => void;
  readonly #parcels: Parcel[] = [];
  #capacity = FIRST_CAPACITY;
  #inFlight = false;
  #scheduled = false;
  #waiting = 0;
  #drained: (() => void)[] = [];

  /** @param onAnswer - told of each commit before its groups are */
  constructor(writer: ThreadCaller, onAnswer: (answer: CommitAnswer) => void) {
    this.#writer = writer;
    this.#onAnswer = onAnswer;
  }

  /** Observations and points that were added and not answered yet. */
  get waiting(): number {
    return this.#waiting;
  }

  add(group: CommitGroup): Promise<readonly CommitOutcome[]> {
    const { observations, points, counted = NOTHING, detections = NOTHING } = group;
    if (points !== undefined && points.count > PointTail.maxChunkPoints)
      throw new TypeError(`a group of ${points.count} points`);
    if (observations.length > Tail.maxChunkEvents)
      throw new TypeError(`a group of ${observations.length} observations`);
    if (detections.length > DetectionTail.maxChunkDetections)
      throw new TypeError(`a group of ${detections.length} detections`);
    return new Promise((resolve, reject) => {
      const parcel = this.#openParcel(observations.length, detections.length);
      writeAll(parcel.writer, observations, writeRecord);
      if (detections.length > 0) {
        if (parcel.detections === NO_RECORDS) parcel.detections = new ByteWriter(detections.length * 200);
        writeAll(parcel.detections, detections, writeDetection);
      }
      for (const item of group.rejected) parcel.rejected.push(item);
      if (points !== undefined) {
        parcel.parcels.push(packGroup(group));
        parcel.points += points.count;
        this.#waiting += points.count;
      }
      parcel.waiters.push({
        events: parcel.events,
        eventCount: observations.length,
        detections: parcel.detectionCount,
        detectionCount: detections.length,
        counted: parcel.counted,
        countedCount: counted.length,
        resolve,
        reject,
      });
      parcel.events += observations.length;
      parcel.detectionCount += detections.length;
      parcel.counted += counted.length;
      this.#waiting += observations.length + detections.length;
      this.#schedule();
    });
  }

  #openParcel(more: number, moreDetections: number): Parcel {
    let parcel = this.#parcels[this.#parcels.length - 1];
    if (
      parcel === undefined ||
      parcel.events + more > PARCEL_EVENTS ||
      parcel.detectionCount + moreDetections > PARCEL_EVENTS ||
      parcel.writer.at > PARCEL_BYTES ||
      parcel.points > PARCEL_POINTS
    ) {
      parcel = new Parcel(this.#capacity);
      this.#parcels.push(parcel);
    }
    return parcel;
  }

  /** Waits for the end of the event loop's turn, so that requests that arrived together are flushed together. */
  #schedule(): void {
    if (this.#scheduled || this.#inFlight) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const parcel = this.#parcels.shift();
      if (parcel !== undefined) this.#send(parcel);
    });
  }

  #send(parcel: Parcel): void {
    this.#inFlight = true;
    const records = parcel.writer.written();
    // The next parcel will be about as large: growing means copying.
    this.#capacity = Math.max(FIRST_CAPACITY, Math.ceil(records.length * 1.25));
    const { parcels } = parcel;
    const { detectionCount } = parcel;
    const detections = parcel.detections.written();
    const argument: CommitMessage = {
      records,
      count: parcel.events,
      rejected: parcel.rejected,
      parcels,
      detections,
      detectionCount,
    };
    const given = [records, ...parcels.map(({ bytes }) => bytes)];
    if (detectionCount > 0) given.push(detections);
    const transfer = given.map((bytes) => bytes.buffer as ArrayBuffer);
    this.#writer
      .call<CommitAnswer>('commit', argument, transfer)
      .then(
        (answer) => {
          this.#onAnswer(answer);
          for (const waiter of parcel.waiters) waiter.resolve(outcomesFor(waiter, answer.outcomes));
        },
        (error: unknown) => {
          for (const waiter of parcel.waiters) waiter.reject(error);
        },
      )
      .finally(() => {
        this.#inFlight = false;
        this.#waiting -= parcel.events + parcel.points + parcel.detectionCount;
        if (this.#parcels.length > 0) this.#schedule();
        else for (const done of this.#drained.splice(0)) done();
      });
  }

  /** Resolves when everything that was added has been answered. */
  drain(): Promise<void> {
    if (!this.#inFlight && this.#parcels.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }
}

/** All records or none: a half-written group would shift the outcomes of those behind it. */
function writeAll<T>(
  writer: ByteWriter,
  observations: readonly T[],
  write: (writer: ByteWriter, observation: T) => void,
): void {
  const start = writer.at;
  try {
    for (const observation of observations) write(writer, observation);
  } catch (error) {
    writer.at = start;
    throw error;
  }
}

function packGroup({ points, contactAt, counted }: CommitGroup): PointParcel {
  const bytes = packPoints(points as PointBatch);
  if (counted === undefined || counted.length === 0)
    return { bytes, contactAt: contactAt ?? null, counted: null };
  const writer = new ByteWriter(counted.length * 64);
  for (const one of counted) writeCounted(writer, one);
  return { bytes, contactAt: contactAt ?? null, counted: writer.written() };
}

function outcomesFor(waiter: Waiter, outcomes: CommitOutcomes): readonly CommitOutcome[] {
  const { eventCount, detectionCount, countedCount } = waiter;
  // Most groups hold one kind of items.
  if (eventCount + countedCount === 0 && detectionCount > 0)
    return namesOf(outcomes.detections, waiter.detections, detectionCount);
  const events = namesOf(outcomes.events, waiter.events, eventCount);
  if (countedCount === 0 && detectionCount === 0) return events;
  return [
    ...events,
    ...namesOf(outcomes.detections, waiter.detections, detectionCount),
    ...namesOf(outcomes.counted, waiter.counted, countedCount),
  ];
}

function namesOf(codes: Uint8Array, from: number, count: number): readonly CommitOutcome[] {
  if (count === 1) return singles[codes[from] as number] as readonly CommitOutcome[];
  const names = new Array<CommitOutcome>(count);
  for (let index = 0; index < count; index++)
    names[index] = outcomeNames[codes[from + index] as number] as CommitOutcome;
  return names;
}
