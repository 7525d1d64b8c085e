import type { Detection } from '@pisync/protocol';
import type { IdentitySummary } from './detection-run.ts';

/** What is known of the identities of a run, while it grows. */
export class IdentitySums {
  identities = 0;
  digests = 0;
  #minDigestTime = Number.POSITIVE_INFINITY;
  #maxDigestTime = Number.NEGATIVE_INFINITY;

  /** Of all of these runs together. */
  static of(runs: readonly IdentitySummary[]): IdentitySums {
    const sums = new IdentitySums();
    for (const { identities, digests, minDigestTime, maxDigestTime } of runs) {
      sums.identities += identities;
      sums.digests += digests;
      if (digests > 0) sums.#reach(minDigestTime as number, maxDigestTime as number);
    }
    return sums;
  }

  /** Takes a detection that has an identity. */
  add({ seq, eventId, deviceTime }: Pick<Detection, 'seq' | 'eventId' | 'deviceTime'>): void {
    this.identities += 1;
    if (seq !== null || eventId !== null || deviceTime === null) return;
    this.digests += 1;
    this.#reach(deviceTime, deviceTime);
  }

  #reach(least: number, greatest: number): void {
    if (least < this.#minDigestTime) this.#minDigestTime = least;
    if (greatest > this.#maxDigestTime) this.#maxDigestTime = greatest;
  }

  told(): IdentitySummary {
    const { identities, digests } = this;
    const some = digests > 0;
    return {
      identities,
      digests,
      minDigestTime: some ? this.#minDigestTime : null,
      maxDigestTime: some ? this.#maxDigestTime : null,
    };
  }
}
