import type { CopiedEvent } from '../core/copy/event-digest.ts';
import type { PositionSet } from '../core/copy/position-set.ts';
import type { PartialRule } from '../core/fold.ts';
import type { SeqSet } from '../core/seq-set.ts';
import type { StoredDetection } from './detection-store.ts';
import type { HourTotals, QuarantinedItem } from './store.ts';
import type { PointColumns, SeriesRecord } from './telemetry-store.ts';

export type { CopiedEvent } from '../core/copy/event-digest.ts';

/** How far a store has come. */
export interface StoreHeads {
  /** Position of the newest event: all from 1 to it are there. */
  readonly position: number;
  /** Ordinal of the newest detection; all from 1 to it are there. */
  readonly ordinal: number;
  /** Number of the newest series. */
  readonly series: number;
  readonly devices: number;
}

/** All that is kept of a device beside its events. */
export interface CopiedDevice {
  readonly deviceId: string;
  /** The numbers of core/sync-state.ts. */
  readonly state: Float64Array;
  /** In the order in which they first appeared. */
  readonly epochs: readonly string[];
  /**
   * For each epoch all numbers that were used, by observations of whatever kind. Empty for a device whose numbers were used by
   * events alone: there the events tell them.
   */
  readonly numbers: readonly SeqSet[];
}

/** Points of one series, ascending; a series may come in several parts, one after the other. */
export interface CopiedPoints {
  /** Number of the series. */
  readonly series: number;
  readonly points: PointColumns;
}

export interface CopiedQuarantine {
  /** The highest id that was ever given, so that none is given twice. */
  readonly lastId: number;
  /** In any order. */
  readonly items: AsyncIterable<QuarantinedItem>;
}

/** One committed state of a store. */
export interface StoreSnapshot {
  readonly heads: StoreHeads;
  /** How `partial` syncs were counted in the state of its devices; null for a store that was never opened with a policy. */
  readonly partial: PartialRule | null;
  /**
   * Events in any order, some at a time, each at most once.
   *
   * @param known - positions that do not come; the caller adds those that came, and gives the same set again next time
   * @param limit - events after which it may end before all have come, so that the state is not held for long
   */
  events(known: PositionSet, limit: number): AsyncIterable<readonly CopiedEvent[]>;
  /** All devices, some at a time. */
  devices(): AsyncIterable<readonly CopiedDevice[]>;
  hours(): Promise<readonly HourTotals[]>;
  quarantine(): Promise<CopiedQuarantine>;
  /** All series with their newest points, by number, some at a time. */
  series(): AsyncIterable<readonly SeriesRecord[]>;
  /** What to give to {@link points} of a later snapshot for what has changed since this one. */
  readonly pointsMark: string;
  /**
   * Points by series.
   *
   * @param since - null for all; else the mark of a snapshot of the same store: points that are not new may come as well
   */
  points(since: string | null): AsyncIterable<CopiedPoints>;
  /** Detections after an ordinal, in the order of their ordinals, some at a time. */
  detections(after: number): AsyncIterable<readonly StoredDetection[]>;
  close(): Promise<void>;
}

/** A store that is only read. */
export interface StoreSource {
  /** The store for people, without a password. */
  readonly shown: string;
  /** Everything as of now, also beside a process that commits. */
  snapshot(): Promise<StoreSnapshot>;
  /** A text that is another one after each commit. */
  activity(): Promise<string>;
  /**
   * Keeps others from opening the store for writing until `close`, where it can.
   *
   * @returns false where another process has it open; null where this kind of store cannot tell
   */
  hold(): Promise<boolean | null>;
  close(): Promise<void>;
}

/** Takes detections into a store that is being filled. */
export interface DetectionSink {
  /** Ordinal of the newest one that is in it; those before it are. */
  newest(): Promise<number>;
  /** Adds detections in the order of their ordinals, behind those that are in it. All or nothing, and durable. */
  add(detections: readonly StoredDetection[]): Promise<void>;
}

/** Takes points into a store that is being filled. */
export interface PointSink {
  /** The mark that {@link end} was given last; null where points were never copied to the end. */
  mark(): Promise<string | null>;
  /** To be called first. Without a mark, points that are there are taken away: a copy that did not end is begun anew. */
  begin(): Promise<void>;
  /** Adds points by series; one of a time that is there takes the place of that. */
  add(points: readonly CopiedPoints[]): Promise<void>;
  /** All points up to a mark are there, durably. */
  end(mark: string): Promise<void>;
}

/**
 * A store that is being filled, and is refused by `openStore` until it is published. A process may end at any moment: the next
 * one finds out what is there.
 */
export interface StoreSink {
  readonly shown: string;
  /** Which events are in it. */
  positions(): Promise<PositionSet>;
  /**
   * The events that are in it now, read again from where they are kept.
   *
   * @param position - the highest one that is in it
   */
  readBack(position: number): Promise<StoreSnapshot>;
  /** Adds events that are not in it. Durable after {@link flush}; until then each call's are there as a whole or not at all. */
  addEvents(events: readonly CopiedEvent[]): Promise<void>;
  flush(): Promise<void>;
  readonly detections: DetectionSink;
  readonly points: PointSink;
  /** To be called when most is there: what is costly to keep up while much comes. May be called again. */
  settle(): Promise<void>;
  /**
   * Puts in place all that a store keeps beside events, points and detections. All or nothing; those of the snapshot are in it.
   * May be done again with a newer snapshot.
   */
  finish(snapshot: StoreSnapshot): Promise<void>;
  /** What is in it after {@link finish}, read again from where it is kept. */
  finished(): Promise<StoreSnapshot>;
  /** Makes it a store that can be opened. */
  publish(): Promise<void>;
  close(): Promise<void>;
}
