import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';

/**
 * Limits of the store's threads, in MiB. Their garbage is short-lived: a small young generation costs little and saves tens
 * of megabytes a thread. What they keep lies outside of the heap, in typed arrays.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 8 } as const;

/** Starts one of the store's threads. */
export function startThread(script: URL, workerData: object): Worker {
  // The launcher's flag is for the main thread, whose heap has its size by now; it would go before the limits given here.
  setFlagsFromString('--max-semi-space-size=0');
  return new Worker(script, { workerData, resourceLimits });
}
