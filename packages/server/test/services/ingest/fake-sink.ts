import { type CommitOutcome, type Detection, PisyncError } from '@pisync/protocol';
import type { TrackPoint } from '../../../src/import/import-item.ts';
import type { RejectedItem } from '../../../src/ports/store.ts';
import type { ImportSink } from '../../../src/services/ingest/imports.ts';

/** A sink that keeps what it is given, each detection once, and can be slow or fail. */
export class FakeSink implements ImportSink {
  readonly kept = new Map<string, Detection>();
  readonly points: TrackPoint[] = [];
  readonly quarantined: RejectedItem[] = [];
  /** Sizes of the commits of detections. */
  readonly commits: number[] = [];
  /** Most commits that were under way at once. */
  most = 0;
  underWay = 0;
  /** Number of the commit that fails, from 1. */
  failAt = 0;
  /** Waited for by each commit. */
  pause: () => Promise<unknown> = () => Promise.resolve();

  async detections(list: readonly Detection[]): Promise<readonly CommitOutcome[]> {
    this.commits.push(list.length);
    const number = this.commits.length;
    this.underWay += 1;
    this.most = Math.max(this.most, this.underWay);
    try {
      await this.pause();
      if (number === this.failAt) throw new PisyncError('store_unavailable');
      return list.map((detection): CommitOutcome => {
        const { sentAt: _, eventId, ...body } = detection;
        const identity = eventId ?? JSON.stringify(body);
        const before = this.kept.get(identity);
        if (before === undefined) this.kept.set(identity, detection);
        if (before === undefined) return 'stored';
        return JSON.stringify({ ...before, sentAt: null }) === JSON.stringify({ ...detection, sentAt: null })
          ? 'duplicate'
          : 'conflict';
      });
    } finally {
      this.underWay -= 1;
    }
  }

  async track(points: readonly TrackPoint[], _deviceId: string): Promise<void> {
    await this.pause();
    this.points.push(...points);
  }

  async rejected(items: readonly RejectedItem[]): Promise<void> {
    await this.pause();
    this.quarantined.push(...items);
  }
}
