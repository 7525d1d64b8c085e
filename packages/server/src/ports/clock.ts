/** Time as services see it; a test sets it. */
export interface Clock {
  /** Wall clock, whole epoch milliseconds; may jump. Stamps what is received. */
  now(): number;
  /** Milliseconds since an arbitrary moment, never backwards. Measures durations and limits. */
  monotonic(): number;
}
