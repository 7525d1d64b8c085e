/**
 * Limits of the store's threads, in MiB. Their garbage is short-lived: a small young generation costs little and saves tens
 * of megabytes a thread. What they keep lies outside of the heap, in typed arrays.
 */
export const THREAD_LIMITS = { maxYoungGenerationSizeMb: 8 } as const;
