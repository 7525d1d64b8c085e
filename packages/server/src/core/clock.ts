import type { ClockQuality } from '@pisync/protocol';

/** Drift up to which a device's clock is taken as right, in milliseconds. */
export const CLOCK_TOLERANCE_MS = 120_000;

export interface CorrectedTime {
  readonly timestamp: number;
  readonly clockQuality: ClockQuality;
}

/** What is to be added to a device's times: its measured offset where that is over two minutes, else 0. Milliseconds. */
export function correctionOf(sentAt: number | null, receivedAt: number): number {
  if (sentAt === null) return 0;
  const offset = receivedAt - sentAt;
  return Math.abs(offset) > CLOCK_TOLERANCE_MS ? offset : 0;
}

/**
 * Derives the time that everything partitions, retains, queries and draws by.
 *
 * The offset between server and device is measured by `receivedAt - sentAt`, where the device stamped the attempt;
 * beyond two minutes it is applied. The result is never later than `receivedAt` and never older than `maxBacklogMs`
 * before it: what cannot be brought into that range honestly gets `receivedAt`, labelled `unknown`. A time from a
 * device that sends no `sent_at` is taken as it is when it falls into that range, since nothing contradicts it.
 *
 * All times are epoch milliseconds; `null` stands for "not sent".
 */
export function correctClock(
  deviceTime: number | null,
  sentAt: number | null,
  receivedAt: number,
  maxBacklogMs: number,
): CorrectedTime {
  if (deviceTime === null) return { timestamp: receivedAt, clockQuality: 'unknown' };
  const correction = correctionOf(sentAt, receivedAt);
  const timestamp = deviceTime + correction;
  const clockQuality = correction === 0 ? 'ok' : 'corrected';
  if (timestamp > receivedAt + CLOCK_TOLERANCE_MS || timestamp < receivedAt - maxBacklogMs) {
    return { timestamp: receivedAt, clockQuality: 'unknown' };
  }
  return { timestamp: Math.min(timestamp, receivedAt), clockQuality };
}
