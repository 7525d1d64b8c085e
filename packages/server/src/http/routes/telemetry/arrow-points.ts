import { PisyncError, pointKinds } from '@pisync/protocol';
import type { PointColumns } from '../../../ports/telemetry-store.ts';
import { kindBit } from '../../../ports/telemetry-store.ts';
import type { PointStretch } from '../../../services/telemetry/telemetry-queries.ts';
import {
  ARROW_BATCH_ROWS,
  type ArrowColumn,
  ArrowStream,
  type ArrowValues,
} from '../../reply/arrow-stream.ts';

/** The type of each kind of values, by its code. */
const typeOfKind = ['float64', 'bool', 'utf8'] as const;

/**
 * A stretch of points as an Arrow IPC stream.
 *
 * @param sent - whether all pieces that were taken have left the process: their memory is then given back at once. Left to
 * the garbage collector, which sees only the small objects before it, it would make the collector run for every second
 * answer.
 */
export async function* arrowPoints(
  { series, kinds, slices }: PointStretch,
  sent: () => boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  const own = [0, 1, 2].filter((kind) => (kinds & kindBit(kind)) !== 0);
  const stream = await ArrowStream.begin(
    [timestamp, ...own.map((kind) => columnOf(kind, own.length))],
    meta(series),
  );
  for await (const points of slices) {
    if ((kindsOf(points) & ~kinds) !== 0) throw changed();
    for (let from = 0; from < points.count; from += ARROW_BATCH_ROWS) {
      const to = Math.min(points.count, from + ARROW_BATCH_ROWS);
      const times: ArrowValues = { type: 'timestamp', values: points.times.subarray(from, to) };
      const values = own.map((kind) => valuesOf(points, kind, own.length > 1, from, to));
      yield* stream.batch(to - from, [times, ...values]);
    }
    if (sent()) release(points);
  }
  yield* stream.end();
}

const timestamp: ArrowColumn = { name: 'timestamp', type: 'timestamp', nullable: false };

function columnOf(kind: number, kinds: number): ArrowColumn {
  const type = typeOfKind[kind] as (typeof typeOfKind)[number];
  const name = kinds === 1 ? 'value' : (pointKinds[kind] as string);
  return { name, type, nullable: kinds > 1 };
}

function meta({ device_id, metric, tags }: PointStretch['series']): ReadonlyMap<string, string> {
  return new Map([
    ['device_id', device_id],
    ['metric', metric],
    ['tags', JSON.stringify(tags)],
  ]);
}

function valuesOf(points: PointColumns, kind: number, mixed: boolean, from: number, to: number): ArrowValues {
  const kinds = points.kinds.subarray(from, to);
  const values = points.values.subarray(from, to);
  if (kind === 2) {
    const texts = Array.from(values, (value, row) =>
      kinds[row] === kind ? (points.texts[value] as string) : null,
    );
    return { type: 'utf8', texts };
  }
  const type = kind === 0 ? 'float64' : 'bool';
  return mixed ? { type, values, valid: (row) => kinds[row] === kind } : { type, values };
}

function release({ times, values, kinds }: PointColumns): void {
  for (const { buffer } of [times, values, kinds]) if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

function kindsOf({ count, kinds }: PointColumns): number {
  let all = 0;
  for (let at = 0; at < count; at++) all |= kindBit(kinds[at] as number);
  return all;
}

/** The schema was sent already. */
function changed(): PisyncError {
  const detail = 'The series got values of a new kind while it was read: ask again.';
  return new PisyncError('store_unavailable', { detail, retryAfterMs: 1000 });
}
