import { type DecodeContext, type ItemProblem, readableDeviceId } from '../event/decode-sync-event.ts';
import { ItemFault } from '../event/item-fault.ts';
import { decodeEpoch, decodeSeq } from '../event/sender-identity.ts';
import { fieldNameIn } from '../event/sync-event-fields.ts';
import { explainTimestamp, parseTimestamp } from '../event/timestamp.ts';
import { decodeTelemetry } from './decode-telemetry.ts';
import type { PointBatchBuilder } from './point-batch-builder.ts';

/** One observation of telemetry of a device's outbox. */
export interface TelemetryObservation {
  readonly deviceId: string;
  /** The number by which it is kept once; null where it has none. */
  readonly counter: { readonly epoch: string; readonly seq: number } | null;
  /** The device's clock when this attempt was sent, epoch milliseconds. */
  readonly sentAt: number | null;
  /** Its points in the builder: from, inclusive, and to, exclusive. */
  readonly from: number;
  readonly to: number;
}

/** What {@link decodeCountedTelemetry} makes of an item. */
export type DecodedTelemetry =
  | { readonly ok: true; readonly observation: TelemetryObservation }
  | { readonly ok: false; readonly problem: ItemProblem };

/**
 * Decodes one item of telemetry that may have a counter, and adds its points to the builder; none of them where it is
 * rejected. Never throws.
 *
 * @param defaultTime - time of points that have none, microseconds since the epoch
 */
export function decodeCountedTelemetry(
  input: unknown,
  context: DecodeContext,
  defaultTime: number,
  builder: PointBatchBuilder,
): DecodedTelemetry {
  const from = builder.count;
  const mark = builder.mark();
  const problem = decodeTelemetry(input, { deviceId: context.deviceId, defaultTime }, builder);
  if (problem !== undefined) return { ok: false, problem };
  const item = input as Record<string, unknown>;
  try {
    const seq = decodeSeq(item['seq']);
    const epoch = decodeEpoch(item['epoch'], seq, context.epoch);
    const sentAt = decodeSentAt(item) ?? context.sentAt ?? null;
    const deviceId = (item['device_id'] ?? item['deviceId'] ?? context.deviceId) as string;
    const counter = seq === null || epoch === null ? null : { epoch, seq };
    return { ok: true, observation: { deviceId, counter, sentAt, from, to: builder.count } };
  } catch (fault) {
    if (!(fault instanceof ItemFault)) throw fault;
    builder.rollback(mark);
    const field = typeof fault.field === 'number' ? fieldNameIn(item, fault.field) : (fault.field as string);
    const deviceId = readableDeviceId(input) ?? context.deviceId ?? null;
    return { ok: false, problem: { code: fault.code, field, detail: `${field} ${fault.detail}`, deviceId } };
  }
}

function decodeSentAt(item: Record<string, unknown>): number | null {
  const name = Object.hasOwn(item, 'sent_at') ? 'sent_at' : 'sentAt';
  const value = item[name];
  if (value === undefined || value === null) return null;
  const time = parseTimestamp(value);
  if (Number.isNaN(time)) throw new ItemFault('invalid_timestamp', name, explainTimestamp(value));
  return time;
}
