const subBucketBits = 6;
const subBuckets = 1 << subBucketBits;
const exponents = 26;

/**
 * Counts latencies in logarithmic buckets: every quantile is right to within 1.6 %, in constant memory and
 * without a sort. The unit is the millisecond at the edge and the microsecond inside; longer than about an hour
 * counts as the last bucket.
 */
export class LatencyHistogram {
  readonly #counts = new Float64Array(subBuckets * exponents);
  #count = 0;
  #sum = 0;
  #max = 0;

  /** Adds one latency in milliseconds; a negative one counts as zero. */
  record(milliseconds: number): void {
    const micros = milliseconds > 0 ? Math.round(milliseconds * 1000) : 0;
    const index = bucketOf(micros);
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#count++;
    this.#sum += milliseconds;
    if (milliseconds > this.#max) this.#max = milliseconds;
  }

  get count(): number {
    return this.#count;
  }

  /** Milliseconds; 0 when nothing was recorded. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Milliseconds, exact. */
  get max(): number {
    return this.#max;
  }

  /** Latency in milliseconds that `share` (0 to 1) of all do not exceed; 0 when nothing was recorded. */
  quantile(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.#count));
    for (let index = 0; index < this.#counts.length; index++) {
      left -= this.#counts[index] as number;
      if (left <= 0) return Math.min(highestOf(index) / 1000, this.#max);
    }
    return this.#max;
  }

  /** The quantiles that every report shows, in milliseconds. */
  summary(): LatencySummary {
    return {
      count: this.#count,
      mean_ms: round(this.mean),
      p50_ms: round(this.quantile(0.5)),
      p95_ms: round(this.quantile(0.95)),
      p99_ms: round(this.quantile(0.99)),
      max_ms: round(this.#max),
    };
  }
}

/** Quantiles in milliseconds, as they stand in the baseline file. */
export interface LatencySummary {
  readonly count: number;
  readonly mean_ms: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
}

/** Below 64 µs a bucket is one microsecond; above, each power of two is cut into 64. */
function bucketOf(micros: number): number {
  if (micros < subBuckets) return micros;
  const exponent = Math.floor(Math.log2(micros)) - subBucketBits;
  const index = (exponent + 1) * subBuckets + (Math.floor(micros / 2 ** exponent) - subBuckets);
  return Math.min(index, subBuckets * exponents - 1);
}

function highestOf(index: number): number {
  if (index < subBuckets) return index;
  const exponent = Math.floor(index / subBuckets) - 1;
  return ((index % subBuckets) + subBuckets + 1) * 2 ** exponent - 1;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
