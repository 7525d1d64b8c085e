import { setFlagsFromString } from 'node:v8';
import { type ResourceLimits, Worker } from 'node:worker_threads';

/**
 * Limits of the store's threads, in MiB. Their garbage is short-lived: a small young generation costs little and saves tens
 * of megabytes a thread. What they keep lies outside of the heap, in typed arrays.
 */
const shortLived: ResourceLimits = { maxYoungGenerationSizeMb: 8 };

/**
 * Of threads that stay: below a limit of 2 GiB, V8 lets an old generation become less than twice what is in use before it
 * collects it, instead of four times. What sorts and merges is better left alone, for it ends when that is done.
 */
const staying: ResourceLimits = { ...shortLived, maxOldGenerationSizeMb: 1024 };

/**
 * Starts one of the store's threads.
 *
 * @param stays - false for one that only lives while there is work for it
 */
export function startThread(script: URL, workerData: object, stays: boolean): Worker {
  // The launcher's flag is for the main thread, whose heap has its size by now; it would go before the limits given here.
  setFlagsFromString('--max-semi-space-size=0');
  return new Worker(script, { workerData, resourceLimits: stays ? staying : shortLived });
}
