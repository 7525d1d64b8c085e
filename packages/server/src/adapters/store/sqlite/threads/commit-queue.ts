import type { CommitOutcome, Observation, PointBatch } from '@pisync/protocol';
import type { RejectedItem } from '../../../../ports/store.ts';
import { ByteWriter } from '../format/bytes.ts';
import { writeRecord } from '../format/record.ts';
import { packPoints } from '../points/point-parcel.ts';
import { PointTail } from '../points/point-tail.ts';
import { Tail } from '../state/tail.ts';
import type { ThreadCaller } from './thread-call.ts';
import type { CommitAnswer } from './writer.ts';

/** A parcel is closed at so many observations or bytes; one group is never split. */
const PARCEL_EVENTS = 8_192;
const PARCEL_BYTES = 1024 * 1024;
/** A parcel is closed at so many points, too. */
const PARCEL_POINTS = 65_536;
const FIRST_CAPACITY = 4_096;

const outcomeNames: readonly CommitOutcome[] = ['stored', 'duplicate', 'conflict'];
const singles = outcomeNames.map((outcome) => [outcome] as const);

interface Waiter {
  readonly from: number;
  readonly count: number;
  readonly resolve: (outcomes: readonly CommitOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Groups that are committed together. */
class Parcel {
  readonly writer: ByteWriter;
  readonly rejected: RejectedItem[] = [];
  readonly parcels: Uint8Array[] = [];
  readonly waiters: Waiter[] = [];
  events = 0;
  points = 0;

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

  add(
    observations: readonly Observation[],
    rejected: readonly RejectedItem[],
    points: PointBatch | undefined,
  ): Promise<readonly CommitOutcome[]> {
    if (points !== undefined && points.count > PointTail.maxChunkPoints)
      throw new TypeError(`a group of ${points.count} points`);
    if (observations.length > Tail.maxChunkEvents)
      throw new TypeError(`a group of ${observations.length} observations`);
    return new Promise((resolve, reject) => {
      const parcel = this.#openParcel(observations.length);
      writeAll(parcel.writer, observations);
      for (const item of rejected) parcel.rejected.push(item);
      if (points !== undefined) {
        parcel.parcels.push(packPoints(points));
        parcel.points += points.count;
        this.#waiting += points.count;
      }
      parcel.waiters.push({ from: parcel.events, count: observations.length, resolve, reject });
      parcel.events += observations.length;
      this.#waiting += observations.length;
      this.#schedule();
    });
  }

  #openParcel(more: number): Parcel {
    let parcel = this.#parcels[this.#parcels.length - 1];
    if (
      parcel === undefined ||
      parcel.events + more > PARCEL_EVENTS ||
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
    const argument = { records, count: parcel.events, rejected: parcel.rejected, parcels };
    const transfer = [records, ...parcels].map((bytes) => bytes.buffer as ArrayBuffer);
    this.#writer
      .call<CommitAnswer>('commit', argument, transfer)
      .then(
        (answer) => {
          this.#onAnswer(answer);
          for (const waiter of parcel.waiters)
            waiter.resolve(namesOf(answer.outcomes, waiter.from, waiter.count));
        },
        (error: unknown) => {
          for (const waiter of parcel.waiters) waiter.reject(error);
        },
      )
      .finally(() => {
        this.#inFlight = false;
        this.#waiting -= parcel.events + parcel.points;
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
function writeAll(writer: ByteWriter, observations: readonly Observation[]): void {
  const start = writer.at;
  try {
    for (const observation of observations) writeRecord(writer, observation);
  } catch (error) {
    writer.at = start;
    throw error;
  }
}

function namesOf(codes: Uint8Array, from: number, count: number): readonly CommitOutcome[] {
  if (count === 1) return singles[codes[from] as number] as readonly CommitOutcome[];
  const names = new Array<CommitOutcome>(count);
  for (let index = 0; index < count; index++)
    names[index] = outcomeNames[codes[from + index] as number] as CommitOutcome;
  return names;
}
