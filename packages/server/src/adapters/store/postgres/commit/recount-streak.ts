import type { PartialRule, RecountInput } from '../../../../core/fold.ts';
import { recount } from '../../../../core/fold.ts';
import type { HistoryKey } from '../../../../core/history.ts';
import type { Session } from '../connection/session.ts';
import type { DeviceRow } from './device-state.ts';
import type { PlacedEvent } from './event-rows.ts';

/**
 * Ends what the fold left open where a success landed inside a running streak: counts the failures after it, of those stored
 * and of those of this transaction. Seldom: a device must have sent failures before an earlier success.
 *
 * @param pending - events of this transaction, which are not written yet
 */
export async function recountStreak(
  session: Session,
  device: DeviceRow,
  success: HistoryKey,
  pending: readonly PlacedEvent[],
  partial: PartialRule,
): Promise<void> {
  const { deviceId, state } = device;
  const rows = await session.query<RecountInput>(LATER_FAILURES, [
    deviceId,
    success.epochIndex,
    success.tie,
    success.timestamp,
  ]);
  const later = [...rows, ...pending.filter((event) => event.deviceId === deviceId)];
  recount(state, 0, success, later, partial);
}

/** In the order of core/order.ts: by number within an epoch, by time and then tie in epoch 0. */
const LATER_FAILURES = `
  SELECT timestamp, epoch_index AS "epochIndex", tie, total_files_synced AS "totalFilesSynced",
    total_errors AS "totalErrors"
  FROM sync_event
  WHERE device_id = $1 AND total_errors > 0 AND (epoch_index > $2::int OR (epoch_index = $2::int AND
    CASE WHEN epoch_index > 0 THEN tie > $3::bigint
    ELSE (timestamp, tie) > (timestamptz 'epoch' + $4::bigint * interval '1 millisecond', $3::bigint) END))
  ORDER BY timestamp DESC`;
