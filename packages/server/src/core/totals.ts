/** Sums over syncs. */
export interface SyncTotals {
  readonly syncs: number;
  readonly success: number;
  readonly partial: number;
  readonly failed: number;
  readonly files: number;
  readonly errors: number;
  readonly bytes: number;
}

/** Sums over one hour of corrected time. */
export interface HourTotals extends SyncTotals {
  /** Start of the hour, epoch milliseconds, UTC. */
  readonly hour: number;
}

export const HOUR_MS = 3_600_000;

/** Numbers of one hour: syncs, partial, failed, files, errors, bytes. `success` follows from the first three. */
const WIDTH = 6;

/** What is summed of an observation. */
export interface TotalsInput {
  readonly timestamp: number;
  readonly totalFilesSynced: number;
  readonly totalErrors: number;
  readonly bytesSynced: number | null;
}

/** Sums per hour of corrected time, kept at write time; an observation lands in its own hour however late it comes. */
export class HourlyTotals {
  readonly #hours = new Map<number, Float64Array>();

  add(event: TotalsInput): void {
    const hour = Math.floor(event.timestamp / HOUR_MS) * HOUR_MS;
    let sums = this.#hours.get(hour);
    if (sums === undefined) {
      sums = new Float64Array(WIDTH);
      this.#hours.set(hour, sums);
    }
    addTo(sums, event);
  }

  /** Hours with `from <= hour < to`, oldest first. */
  between(from: number, to: number): HourTotals[] {
    const hours = [...this.#hours.keys()].filter((hour) => hour >= from && hour < to).sort((a, b) => a - b);
    return hours.map((hour) => ({ hour, ...toTotals(this.#hours.get(hour) as Float64Array) }));
  }

  total(): SyncTotals {
    const sums = new Float64Array(WIDTH);
    for (const hour of this.#hours.values())
      for (let i = 0; i < WIDTH; i++) sums[i] = addCapped(sums[i]!, hour[i]!);
    return toTotals(sums);
  }

  /** One row of numbers per hour: the hour, then its sums. */
  toRows(): Float64Array {
    const rows = new Float64Array(this.#hours.size * (WIDTH + 1));
    let at = 0;
    for (const [hour, sums] of this.#hours) {
      rows[at] = hour;
      rows.set(sums, at + 1);
      at += WIDTH + 1;
    }
    return rows;
  }

  /** The inverse of {@link toRows}. */
  static fromRows(rows: Float64Array): HourlyTotals {
    const totals = new HourlyTotals();
    for (let at = 0; at < rows.length; at += WIDTH + 1) {
      totals.#hours.set(rows[at] as number, rows.slice(at + 1, at + 1 + WIDTH));
    }
    return totals;
  }
}

/** The sum of two counts, at most 2^53 - 1: there it stays, so that it does not depend on the order of what is added. */
export function addCapped(sum: number, count: number): number {
  return Math.min(sum + count, Number.MAX_SAFE_INTEGER);
}

function addTo(sums: Float64Array, event: Omit<TotalsInput, 'timestamp'>): void {
  sums[0]! += 1;
  if (event.totalErrors > 0) sums[event.totalFilesSynced > 0 ? 1 : 2]! += 1;
  sums[3] = addCapped(sums[3]!, event.totalFilesSynced);
  sums[4] = addCapped(sums[4]!, event.totalErrors);
  sums[5] = addCapped(sums[5]!, event.bytesSynced ?? 0);
}

function toTotals(sums: Float64Array): SyncTotals {
  const [syncs, partial, failed, files, errors, bytes] = sums as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { syncs, success: syncs - partial - failed, partial, failed, files, errors, bytes };
}

/** Sums over a window of one device's events. */
export class WindowTotals {
  readonly #sums = new Float64Array(WIDTH);
  #speed = 0;
  #speeds = 0;
  #duration = 0;
  #durations = 0;

  add(
    event: Omit<TotalsInput, 'timestamp'> & { internetSpeed: number | null; syncDurationMs: number | null },
  ): void {
    addTo(this.#sums, event);
    if (event.internetSpeed !== null) {
      this.#speed += event.internetSpeed;
      this.#speeds += 1;
    }
    if (event.syncDurationMs !== null) {
      this.#duration += event.syncDurationMs;
      this.#durations += 1;
    }
  }

  result(): SyncTotals & { averageSpeed: number | null; averageDurationMs: number | null } {
    return {
      ...toTotals(this.#sums),
      averageSpeed: this.#speeds === 0 ? null : this.#speed / this.#speeds,
      averageDurationMs: this.#durations === 0 ? null : this.#duration / this.#durations,
    };
  }
}
