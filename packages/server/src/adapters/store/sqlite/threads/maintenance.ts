import type { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { freeBytes } from '../../sealed/bytes.ts';
import { type LogSealOrder, readLogRows } from '../detections/log-rows.ts';
import { openMaintainer } from '../format/connection.ts';
import {
  mergePointRuns,
  type PointBlocks,
  type PointMergeOrder,
  type PointSealOrder,
  sealPoints,
} from '../points/point-seal.ts';
import { packSeriesPage } from '../points/series-table.ts';
import {
  type DetectionMergeOrder,
  mergeDetectionRuns,
  type SealSlice,
  sealDetections,
} from '../sealed-detections/detection-seal.ts';
import { type PageImage, packPage } from '../state/device-page.ts';
import { lowerPriority } from './lower-priority.ts';
import { type MergeOrder, merge, type SealOrder, type Slice, seal } from './seal.ts';
import { answerCalls } from './thread-call.ts';

/*
 * The maintenance thread: sorts and compresses what the writer will put into history, and copies the write-ahead log
 * into the main file. It writes nothing itself but checkpoints, so that there is one writer.
 */

lowerPriority();
const db: DatabaseSync = openMaintainer((workerData as { path: string }).path);
/** Jobs by the run that they build: a merge may be under way while something is sealed. */
const jobs = new Map<number, Generator<Slice, void>>();
/** The same for points; runs of points are numbered apart. */
const pointJobs = new Map<number, Generator<PointBlocks, void>>();

/** The same for detections. */
const detectionJobs = new Map<number, Generator<SealSlice, void>>();

function nextOf<T extends { readonly finished: object | null }>(
  running: Map<number, Generator<T, void>>,
  run: number,
): T {
  const job = running.get(run) as Generator<T, void>;
  const step = job.next();
  if (step.done) throw new TypeError('the job has ended');
  if (step.value.finished !== null) {
    // Behind its last slice a job gives its memory back.
    job.next();
    running.delete(run);
  }
  return step.value;
}

answerCalls(parentPort as MessagePort, {
  seal(order: SealOrder): void {
    jobs.set(order.run, seal(db, order));
  },
  merge(order: MergeOrder): void {
    jobs.set(order.run, merge(db, order));
  },
  /** The next blocks of a run. */
  next: (run: number): Slice => nextOf(jobs, run),
  sealPoints(order: PointSealOrder): void {
    pointJobs.set(order.run, sealPoints(order));
  },
  mergePoints(order: PointMergeOrder): void {
    pointJobs.set(order.run, mergePointRuns(db, order));
  },
  /** The next blocks of a run of points. */
  nextPoints: (run: number): PointBlocks => nextOf(pointJobs, run),
  sealDetections(order: LogSealOrder): void {
    detectionJobs.set(order.run, sealDetections({ ...order, rows: readLogRows(db, order) }));
  },
  mergeDetections(order: DetectionMergeOrder): void {
    detectionJobs.set(order.run, mergeDetectionRuns(db, order));
  },
  /** The next pieces of a run of detections. */
  nextDetections: (run: number): SealSlice => nextOf(detectionJobs, run),
  packSeries: (pages: readonly { readonly page: number; readonly data: Uint8Array }[]) =>
    pages.map(({ page, data }) => {
      const packed = packSeriesPage(data);
      freeBytes(data);
      return { page, data: packed };
    }),
  pack(images: readonly PageImage[]): { page: number; data: Uint8Array }[] {
    return images.map((image) => {
      const data = packPage(image);
      freeBytes(image.head, image.rows, image.digestTimes);
      return { page: image.page, data };
    });
  },
  checkpoint(): void {
    db.exec('PRAGMA wal_checkpoint(PASSIVE)');
  },
});
