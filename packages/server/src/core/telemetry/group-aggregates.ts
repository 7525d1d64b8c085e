import { type AggregateName, aggregateColumns, BucketAggregates, isQuantile } from './aggregate.ts';
import { type Bucketing, createBucketing, parseBucket } from './buckets.ts';
import { tooManyBuckets } from './fill.ts';
import { numbersOf } from './numbers.ts';

/** How points are put in buckets, and what is asked of each. */
export interface Summary {
  /** As `parseBucket` takes it. */
  readonly bucket: string;
  /** IANA name. */
  readonly timeZone: string;
  readonly names: readonly AggregateName[];
  /** Buckets of all groups together, at most. */
  readonly maxBuckets: number;
}

type Columns = Parameters<typeof numbersOf>[0];

/** Buckets of several groups of series, filled stretch by stretch in any order. */
export class GroupAggregates {
  readonly #groups: readonly BucketAggregates[];
  readonly #bucketing: Bucketing;
  readonly #summary: Summary;
  readonly #withSpread: boolean;
  #buckets = 0;

  /** @throws {PisyncError} `invalid_parameter` for a width or zone that does not exist */
  constructor(groups: number, summary: Summary) {
    this.#summary = summary;
    this.#withSpread = summary.names.includes('stddev');
    this.#bucketing = createBucketing(parseBucket(summary.bucket), summary.timeZone);
    const withQuantiles = summary.names.some(isQuantile);
    this.#groups = Array.from({ length: groups }, () => new BucketAggregates(withQuantiles));
  }

  /**
   * Adds the points `[from, to)` of one series, ascending by time; text counts nowhere.
   *
   * @throws {PisyncError} `invalid_parameter` for too many buckets: what is held never grows far beyond them
   */
  add(group: number, columns: Columns, from: number, to: number): void {
    const into = this.#groups[group] as BucketAggregates;
    const { times, values, start, end } = numbersOf(columns, from, to);
    const before = into.length;
    aggregateColumns(times, values, start, end, this.#bucketing, into, this.#withSpread);
    this.#grown(into.length - before);
  }

  /**
   * Adds points of one series that were summed up before.
   *
   * @param rows - as `BucketAggregates.toRows` gives them, ascending; the points of each lie in one bucket, and so does the
   *   start that it tells
   * @throws {PisyncError} `invalid_parameter` as {@link add} does
   */
  addRows(group: number, rows: Float64Array): void {
    const into = this.#groups[group] as BucketAggregates;
    const before = into.length;
    into.merge(BucketAggregates.fromRows(rows), this.#bucketing);
    this.#grown(into.length - before);
  }

  #grown(more: number): void {
    this.#buckets += more;
    if (this.#buckets > this.#summary.maxBuckets) throw tooManyBuckets(this.#summary.maxBuckets);
  }

  /** For each group the starts of its buckets, ascending, and a column for each name. */
  answers(): { readonly starts: Float64Array; readonly columns: readonly Float64Array[] }[] {
    return this.#groups.map((group) => ({
      starts: group.starts(),
      columns: this.#summary.names.map((name) => group.column(name)),
    }));
  }
}
