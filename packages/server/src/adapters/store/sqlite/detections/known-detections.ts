import type { ObservedDetection } from '@pisync/protocol';
import type { DetectionView } from '../format/detection-record.ts';

/**
 * The numbers that a device has used, which all kinds of its observations share. Called while a group is admitted, within
 * the engine's commit; `view` is valid during the call.
 */
export interface SequenceCounters {
  /** True where the device has used `seq` of `epoch` before, for whatever kind of observation. */
  has(view: DetectionView): boolean;
  /** True where an observation of another kind that is still held has that number. Asked only after {@link has}, and seldom. */
  heldByOther(view: DetectionView): boolean;
  /** Called once for each detection that is stored, whether it has a `seq` or not. */
  stored(view: DetectionView): void;
  /** Called for each detection that was refused, since its identity is known with another body. */
  conflict(view: DetectionView): void;
}

/** The detections that are sealed, hence no longer in the tail. */
export interface SealedDetections {
  /**
   * Calls `accept` with each sealed detection of the same identity hash as `view` until it takes one.
   *
   * @returns whether one was taken
   */
  find(view: DetectionView, accept: (detection: ObservedDetection) => boolean): boolean;
}
