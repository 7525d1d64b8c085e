import { setImmediate as nextTurn } from 'node:timers/promises';
import { type CommitOutcome, type Detection, type ItemProblem, PisyncError } from '@pisync/protocol';
import { CLOCK_TOLERANCE_MS } from '../../core/clock.ts';
import type { ByteSource, ImportItem, TrackPoint } from '../../import/import-item.ts';
import { type ImportPlace, importStream } from '../../import/import-stream.ts';
import { UnknownFormat } from '../../import/unknown-format.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RejectedItem } from '../../ports/store.ts';
import { rejectedItem } from './rejection.ts';

/** Items that one commit holds at most. */
const groupItems = 2000;

/** Commits that may run at once; more would let one file fill the store's queue. */
const groupsInFlight = 6;

/** Files that are imported at once. */
const filesInFlight = 4;

/** How long an import works before others may, milliseconds. */
const turnMs = 3;

/** Where rejected items of this way are told to come from. */
export const importSource = 'import';

/** Where an import puts what it read. What a method was given is durable when it resolves. */
export interface ImportSink {
  /** @returns one outcome per detection, in order */
  detections(list: readonly Detection[]): Promise<readonly CommitOutcome[]>;
  /** @param points - each with a time */
  track(points: readonly TrackPoint[], deviceId: string): Promise<void>;
  rejected(items: readonly RejectedItem[]): Promise<void>;
}

/** One file to import. */
export interface ImportOrder {
  /** The file, as it is. What it throws ends the import and is thrown. */
  readonly source: ByteSource;
  /** The device whose observations these are. */
  readonly deviceId: string;
  /** Name of the file, told with each row that is rejected; null where it has none. Hostile text. */
  readonly name: string | null;
  /** What begins on a line before this one is passed over: 1 for all of the file. */
  readonly fromLine: number;
  /** Ends the import between two commits. */
  readonly signal?: AbortSignal;
}

/** What became of a file, as far as it is on disk. */
export interface ImportProgress {
  /**
   * Everything that begins on this line or before it is answered for: an import from the next line on goes on where this one ended. In
   * a database, rows count as lines.
   */
  readonly line: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly rejected: number;
  /** Points of GPS tracks that were taken; one that was there already changed nothing. */
  readonly points: number;
}

type Counts = { -readonly [Name in keyof ImportProgress]: ImportProgress[Name] };

/** Items that are committed together. */
class Group {
  detections: Detection[] = [];
  tracks: TrackPoint[] = [];
  rejected: RejectedItem[] = [];
  /** What became of it; undefined while it is under way. */
  counts: Omit<ImportProgress, 'line'> | undefined;
  /** Last line that it answers for. */
  line = 0;

  get size(): number {
    return this.detections.length + this.tracks.length + this.rejected.length;
  }
}

/** Imports files of scanners and receivers: read, group, commit, count. */
export class Imports {
  readonly #sink: ImportSink;
  readonly #clock: Clock;
  readonly #place: ImportPlace;
  readonly #maxBacklogMs: number;
  #running = 0;

  /** @param maxBacklogMs - oldest time of a track's point that is kept, milliseconds before the import */
  constructor(sink: ImportSink, clock: Clock, place: ImportPlace, maxBacklogMs: number) {
    this.#sink = sink;
    this.#clock = clock;
    this.#place = place;
    this.#maxBacklogMs = maxBacklogMs;
  }

  /**
   * Imports one file. Rows that are wrong go to the quarantine, with `line N: ` before what is wrong; all others are kept. Whatever ends
   * it, what was told as progress is on disk, no commit is under way when it returns, and nothing else of the file is held.
   *
   * @param tell - called with each step, in order of the file
   * @throws {PisyncError} `unsupported_media_type` where the file is of no format that can be imported, `payload_too_large` where it
   *   holds too much, `overloaded` where there is no room for a database, or what the sink says
   * @throws what `source` throws, and the reason of `signal`
   */
  async run(
    order: ImportOrder,
    tell: (progress: ImportProgress) => void = () => undefined,
  ): Promise<ImportProgress> {
    if (this.#running === filesInFlight) {
      const detail = `${filesInFlight} files are being imported. Send this one when one of them is done.`;
      throw new PisyncError('overloaded', { detail, retryAfterMs: 10_000 });
    }
    const run = new Run(this.#sink, this.#clock, order, tell, this.#clock.now() - this.#maxBacklogMs);
    let turn = this.#clock.monotonic();
    this.#running += 1;
    try {
      for await (const items of importStream(order.source, { deviceId: order.deviceId }, this.#place)) {
        order.signal?.throwIfAborted();
        for (let at = 0; at < items.length; ) {
          at = run.take(items, at);
          await run.room();
        }
        if (this.#clock.monotonic() - turn < turnMs) continue;
        await nextTurn();
        turn = this.#clock.monotonic();
      }
      return await run.finish();
    } catch (error) {
      await run.settled();
      throw translated(error);
    } finally {
      this.#running -= 1;
    }
  }
}

/** One file under way. */
class Run {
  readonly #sink: ImportSink;
  readonly #clock: Clock;
  readonly #order: ImportOrder;
  readonly #tell: (progress: ImportProgress) => void;
  /** Groups that are under way or wait for one before them, in the order of the file. */
  readonly #groups: { readonly group: Group; readonly ended: Promise<void> }[] = [];
  readonly #counts: Counts;
  #group = new Group();
  #line: number;
  #failure: { readonly error: unknown } | undefined;

  readonly #earliest: number;

  /** @param earliest - time before which a point of a track is not kept, epoch milliseconds */
  constructor(
    sink: ImportSink,
    clock: Clock,
    order: ImportOrder,
    tell: (progress: ImportProgress) => void,
    earliest: number,
  ) {
    this.#earliest = earliest;
    this.#sink = sink;
    this.#clock = clock;
    this.#order = order;
    this.#tell = tell;
    this.#line = order.fromLine - 1;
    this.#counts = { line: this.#line, stored: 0, duplicate: 0, conflict: 0, rejected: 0, points: 0 };
  }

  /**
   * Takes the next items of the file, until a commit is begun: {@link room} must then be awaited. Not `async`: such a function, which
   * waits more often than it is called, is never compiled.
   *
   * @param from - the first of `items` to take
   * @returns the next one
   */
  take(items: readonly ImportItem[], from: number): number {
    const { fromLine } = this.#order;
    for (let at = from; at < items.length; at += 1) {
      const item = items[at] as ImportItem;
      if (item.line >= fromLine && this.#take(item)) return at + 1;
    }
    return items.length;
  }

  /** @returns true where a commit was begun */
  #take(item: ImportItem): boolean {
    const full = this.#group.size >= groupItems;
    // One line may hold many items: all of them are answered for when the first of the next line is there.
    if (full) this.#commit(item.line - 1);
    this.#line = item.line;
    if ('detection' in item) this.#group.detections.push(item.detection);
    else if ('problem' in item) this.#reject(item.line, item.problem, item.text);
    else this.#takeTrack(item.line, item.track);
    return full;
  }

  /** Waits until another commit may begin. @throws what the sink threw */
  async room(): Promise<void> {
    while (this.#groups.length >= groupsInFlight && this.#failure === undefined) await this.#groups[0]?.ended;
    this.#throwFailure();
  }

  /** Commits what is left. @throws what the sink threw */
  async finish(): Promise<ImportProgress> {
    this.#commit(this.#line);
    await this.settled();
    this.#throwFailure();
    return { ...this.#counts };
  }

  /** Waits for the commits that are under way, without beginning another. Never throws. */
  async settled(): Promise<void> {
    while (this.#groups.length > 0 && this.#failure === undefined) await this.#groups[0]?.ended;
    await Promise.all(this.#groups.map(({ ended }) => ended));
  }

  /**
   * A point is known by its time: one that would have to be moved to be kept would be another point at the next import.
   */
  #takeTrack(line: number, track: TrackPoint): void {
    const { deviceTime } = track;
    const { deviceId } = this.#order;
    if (deviceTime === null) {
      const detail = 'the point of the track has no time, without which it cannot be kept';
      this.#reject(line, { code: 'missing_field', field: 'time', detail, deviceId }, JSON.stringify(track));
    } else if (deviceTime < this.#earliest || deviceTime > this.#clock.now() + CLOCK_TOLERANCE_MS) {
      const detail = `the point of the track is of ${new Date(deviceTime).toISOString()}, in the future or older than max_backlog_days`;
      this.#reject(line, { code: 'out_of_range', field: 'time', detail, deviceId }, JSON.stringify(track));
    } else {
      this.#group.tracks.push(track);
    }
  }

  #reject(line: number, problem: ItemProblem, text: string): void {
    const { name } = this.#order;
    const detail = `line ${line}: ${problem.detail}${name === null ? '' : ` (${name})`}`;
    this.#group.rejected.push(rejectedItem({ ...problem, detail }, text, importSource, this.#clock.now()));
  }

  #commit(line: number): void {
    const group = this.#group;
    group.line = line;
    this.#group = new Group();
    const ended = this.#write(group).then(
      (counts) => {
        group.counts = counts;
        this.#advance();
      },
      (error: unknown) => {
        this.#failure ??= { error };
      },
    );
    this.#groups.push({ group, ended });
  }

  async #write(group: Group): Promise<Omit<ImportProgress, 'line'>> {
    const points = group.tracks.length;
    const rejected = group.rejected.length;
    const [kept, ...others] = await Promise.allSettled(this.#begin(group));
    for (const other of others) if (other.status === 'rejected') throw other.reason;
    if (kept.status === 'rejected') throw kept.reason;
    return { ...countOutcomes(kept.value), rejected, points };
  }

  /**
   * Begins the commits of a group, which lets go of its items: a sink has no use for them once it has taken them, and held until the
   * end of the commits they would outlive many collections of garbage. Not `async`, for that holds what it was given, too.
   */
  #begin(group: Group) {
    const { detections, tracks, rejected } = group;
    group.detections = [];
    group.tracks = [];
    group.rejected = [];
    return [
      detections.length === 0 ? [] : this.#sink.detections(detections),
      tracks.length === 0 ? undefined : this.#sink.track(tracks, this.#order.deviceId),
      rejected.length === 0 ? undefined : this.#sink.rejected(rejected),
    ] as const;
  }

  /** Counts the groups that have ended, up to the first that has not: what is told has no gaps. */
  #advance(): void {
    for (let first = this.#groups[0]?.group; first?.counts !== undefined; first = this.#groups[0]?.group) {
      const { counts } = first;
      this.#counts.line = first.line;
      this.#counts.stored += counts.stored;
      this.#counts.duplicate += counts.duplicate;
      this.#counts.conflict += counts.conflict;
      this.#counts.rejected += counts.rejected;
      this.#counts.points += counts.points;
      this.#groups.shift();
      this.#tell({ ...this.#counts });
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function countOutcomes(outcomes: readonly CommitOutcome[]): Record<CommitOutcome, number> {
  const counts = { stored: 0, duplicate: 0, conflict: 0 };
  for (const outcome of outcomes) counts[outcome] += 1;
  return counts;
}

function translated(error: unknown): unknown {
  if (error instanceof UnknownFormat) {
    return new PisyncError('unsupported_media_type', {
      detail: `Nothing was imported: ${error.message}.`,
      cause: error,
    });
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const detail = 'There is no room for the temporary copy of the database.';
    return new PisyncError('overloaded', { detail, cause: error });
  }
  return error;
}
