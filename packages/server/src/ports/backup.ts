/** What a store holds, counted. */
export interface StoreContents {
  readonly events: number;
  readonly devices: number;
  /** Points of telemetry; one that was sent again with another value may count twice until its runs are merged. */
  readonly points: number;
  readonly detections: number;
}

/** What a backup or a restore is doing: it copies, then reads all of the copy and checks it. */
export type CopyPhase = 'copy' | 'verify';

export interface CopyOptions {
  /** Takes the place of what is there already. */
  readonly force: boolean;
  /** Aborted to stop early; what was written so far is removed. */
  readonly signal: AbortSignal;
  /** Called now and then with the share of the phase that is done, 0 to 1. A check tells 0 alone. */
  readonly onProgress: (phase: CopyPhase, share: number) => void;
}

/** A copy of a store that was checked from end to end. */
export interface CopyReport extends StoreContents {
  /** Where it lies, as an absolute path. */
  readonly path: string;
  readonly bytes: number;
  /** Where the store lies now whose place was taken; null where there was none. */
  readonly setAside: string | null;
}
