import type { PointBatch } from '@pisync/protocol';
import type { RejectedItem } from '../../ports/store.ts';
import type { Ingest } from '../ingest/ingest.ts';
import { settlePoints } from './settle-points.ts';

/** Points that one commit takes at most. */
const COMMIT_POINTS = 65_536;

/** Takes points in: correct their clocks, admit, commit. */
export class Telemetry {
  readonly #ingest: Ingest;

  constructor(ingest: Ingest) {
    this.#ingest = ingest;
  }

  /**
   * Stores the points of a request; what was rejected of it goes to the quarantine with the first of them. When it
   * resolves, all of them are durable.
   *
   * @param batch - its times are corrected in place
   * @param receivedAt - when they came, epoch milliseconds; now if absent
   * @throws {PisyncError} `rate_limited` or `overloaded`, before anything is stored; `store_unavailable`
   */
  async take(
    batch: PointBatch,
    rejected: readonly RejectedItem[],
    receivedAt = this.#ingest.clock.now(),
  ): Promise<void> {
    const { limits, admission } = this.#ingest;
    const owners = settlePoints(batch, { receivedAt, maxBacklogMs: limits.maxBacklogMs });
    admission.admitBatch([...owners, ...rejected.map(({ deviceId }) => deviceId)]);
    for (let from = 0; from === 0 || from < batch.count; from += COMMIT_POINTS) {
      const part = batch.count <= COMMIT_POINTS ? batch : partOf(batch, from);
      await this.#ingest.commit({
        observations: [],
        rejected: from === 0 ? rejected : [],
        points: part,
        contactAt: receivedAt,
      });
    }
  }
}

function partOf(batch: PointBatch, from: number): PointBatch {
  const to = Math.min(from + COMMIT_POINTS, batch.count);
  return {
    ...batch,
    count: to - from,
    seriesOf: batch.seriesOf.subarray(from, to),
    times: batch.times.subarray(from, to),
    values: batch.values.subarray(from, to),
    kinds: batch.kinds.subarray(from, to),
  };
}
