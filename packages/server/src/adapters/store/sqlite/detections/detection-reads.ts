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
import type { DetectionBlock } from '../format/detection-block.ts';
import { liveDetectionRuns } from '../sealed-detections/detection-run.ts';
import { scanRuns } from '../sealed-detections/detection-scan.ts';
import { RecentlyUsed } from '../sealed-detections/recently-used.ts';
import { UnsealedDetections } from './unsealed-detections.ts';

/** Bytes of blocks whose places stay decoded: about 100 kB each, for more than a million detections. */
const KEPT_BYTES = 32 * 1024 * 1024;
/** The most blocks while a question is answered; those that are too many go behind it. */
const KEPT_BLOCKS = 512;

/** Answers questions over detections on the reading connection: log and runs as of one moment. */
export class DetectionReads {
  readonly #db: DatabaseSync;
  readonly #unsealed: UnsealedDetections;
  /** A map is moved and zoomed: each of its questions reads much of what the one before has read. */
  readonly #places = new RecentlyUsed<number, DetectionBlock>(KEPT_BLOCKS, (block) => block.release());

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
      const kept = readsPlacesOnly(filter) ? this.#places : undefined;
      for (const block of this.#blocks(filter, undefined, kept)) {
        grid.add(block.columns, filter);
        if (kept === undefined) block.release();
      }
      kept?.keepWithin(KEPT_BYTES, (block) => block.heldBytes);
      return grid.answer();
    });
  }

  #blocks(
    filter: DetectionFilter,
    floor?: () => number,
    kept?: RecentlyUsed<number, DetectionBlock>,
  ): Generator<DetectionBlock, void> {
    const runs = liveDetectionRuns(this.#db).map(({ id }) => id);
    return scanRuns(this.#db, runs, filter, floor, kept);
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

/** True where a grid reads nothing but places, times and signals. */
function readsPlacesOnly({ types, security, deviceIds, identity, name, search }: DetectionFilter): boolean {
  return [types, security, deviceIds, identity, name, search].every((asked) => asked === undefined);
}
