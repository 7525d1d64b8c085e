/** A place in the write-ahead log of the primary, and since when it is known that the primary got there. */
interface Sample {
  readonly at: number;
  readonly lsn: number;
}

/** An hour of samples, one a second. */
const KEPT = 3_600;

/**
 * How far replicas are behind, by one clock: what the primary had written at a time, a replica has replayed or has not. No clock
 * of a server plays a part, and an idle primary makes nobody late.
 */
export class ReplicaLag {
  #samples: Sample[] = [];

  /** @param now - milliseconds of a clock that does not jump */
  primaryAt(lsn: number, now: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && lsn <= last.lsn) return;
    this.#samples.push({ at: now, lsn });
    // The first one stays: whoever is behind it is at least as late as that.
    if (this.#samples.length > KEPT) this.#samples.splice(1, 1);
  }

  /** Time since the primary is known to have been further than `replayed`, in milliseconds. */
  behind(replayed: number, now: number): number {
    const missing = this.#samples.find(({ lsn }) => lsn > replayed);
    return missing === undefined ? 0 : Math.max(0, now - missing.at);
  }
}

/** A place in the log as PostgreSQL writes it, `16/B374D848`, as the number of bytes before it. */
export function lsnOf(text: string): number {
  const [high = '', low = ''] = text.split('/');
  return Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16);
}
