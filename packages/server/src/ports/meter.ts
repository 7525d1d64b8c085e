import type { ErrorCode, ItemOutcome } from '@pisync/protocol';

/** Where services count what they do. Called on the hot path: every method is cheap and never throws. */
export interface Meter {
  /** `count` items of one request had this outcome. */
  items(outcome: ItemOutcome, count: number): void;
  /** So many points of telemetry were stored. */
  points(count: number): void;
  /** Admission refused a request. */
  refused(code: ErrorCode): void;
  /** A query of the store took this long, in milliseconds. `name` is one of a fixed few. `parameters` tell a slow one. */
  query(name: string, milliseconds: number, parameters: object): void;
}
