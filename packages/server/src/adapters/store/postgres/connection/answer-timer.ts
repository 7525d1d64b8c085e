/**
 * Stops the timer that the driver sets for the answer of a query (`query_timeout`). It stops it by the callback of the
 * query, which streams of COPY never call: their timer would keep the process alive, and then fail a stream that has ended.
 * To be called when such a stream has ended, well or not.
 */
export function stopAnswerTimer(query: object): void {
  (query as { callback?: () => void }).callback?.();
}
