import type { StoredDetection } from '../ports/detection-store.ts';

/**
 * The best answer to when a detection was made, epoch milliseconds, for formats with one time. That is the corrected time; where none
 * was possible it is what the device said, since the corrected time is then that of the receipt. In the file of an old drive, which was
 * imported years later, the device is right; where its clock was wrong, a visible 1970 does less harm than a false today.
 */
export function heardAt({ clockQuality, deviceTime, timestamp }: StoredDetection): number {
  return clockQuality === 'unknown' && deviceTime !== null ? deviceTime : timestamp;
}
