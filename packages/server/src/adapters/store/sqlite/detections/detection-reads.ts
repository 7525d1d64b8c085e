import type { DatabaseSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';
import type { DetectionFilter } from '../../../../core/detections/detection-filter.ts';
import { NewestDetections } from '../../../../core/detections/detection-list.ts';
import { GridBuilder } from '../../../../core/detections/grid.ts';
import type {
  DetectionPage,
  DetectionQuery,
  GridAnswer,
  GridQuery,
} from '../../../../ports/detection-store.ts';
import { isDamage } from '../format/connection.ts';
import { liveDetectionRuns } from '../sealed-detections/detection-run.ts';
import { scanRuns } from '../sealed-detections/detection-scan.ts';
import { UnsealedDetections } from './unsealed-detections.ts';

/** Answers questions over detections on the reading connection: log and runs as of one moment. */
export class DetectionReads {
  readonly #db: DatabaseSync;
  readonly #unsealed: UnsealedDetections;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#unsealed = new UnsealedDetections(db);
  }

  list(query: DetectionQuery): DetectionPage {
    return this.#read(() => {
      const newest = new NewestDetections(query);
      for (const source of this.#unsealed.sources()) newest.offer(source);
      const { filter, after } = query;
      // What is newer than the place to go on from is not shown, whatever the question's own bound.
      const to = Math.min(
        filter.to ?? Number.POSITIVE_INFINITY,
        (after?.timestamp ?? Number.POSITIVE_INFINITY) + 1,
      );
      for (const block of this.#blocks({ ...filter, to }, () => newest.floor)) newest.offer(block);
      return newest.page();
    });
  }

  grid({ filter, zoom, limit }: GridQuery): GridAnswer {
    return this.#read(() => {
      const grid = new GridBuilder({ box: filter.box, zoom, limit });
      for (const { columns } of this.#unsealed.sources()) grid.add(columns, filter);
      for (const { columns } of this.#blocks(filter)) grid.add(columns, filter);
      return grid.answer();
    });
  }

  #blocks(filter: DetectionFilter, floor?: () => number) {
    const runs = liveDetectionRuns(this.#db).map(({ id }) => id);
    return scanRuns(this.#db, runs, filter, floor);
  }

  #read<T>(answer: () => T): T {
    this.#db.exec('BEGIN');
    try {
      return answer();
    } catch (cause) {
      if (cause instanceof PisyncError || !isDamage(cause)) throw cause;
      throw new PisyncError('store_damaged', {
        detail: 'detections cannot be read; run `pisync doctor`',
        cause,
      });
    } finally {
      this.#db.exec('ROLLBACK');
    }
  }
}
