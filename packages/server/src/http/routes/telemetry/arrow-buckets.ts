import type { AggregateFound, BucketGroup } from '../../../services/telemetry/bucket-groups.ts';
import {
  ARROW_BATCH_ROWS,
  type ArrowColumn,
  ArrowStream,
  type ArrowValues,
} from '../../reply/arrow-stream.ts';

/** Buckets as an Arrow IPC stream, one group behind the other. */
export async function* arrowBuckets(found: AggregateFound): AsyncGenerator<Uint8Array, void, undefined> {
  const { groups, functions, groupBy, metric, bucket, timeZone } = found;
  const named: ArrowColumn[] = groupBy === undefined ? [] : [{ name: 'group', type: 'utf8', nullable: true }];
  const columns = functions.map(
    (name): ArrowColumn =>
      name === 'count' ? { name, type: 'int64', nullable: false } : { name, type: 'float64', nullable: true },
  );
  const stream = await ArrowStream.begin(
    [...named, { name: 'timestamp', type: 'timestamp', nullable: false }, ...columns],
    new Map([
      ['metric', metric],
      ['bucket', bucket],
      ['time_zone', timeZone],
    ]),
  );
  const starts = joined(groups, ({ starts }) => starts);
  const values = columns.map((_, index) => joined(groups, (group) => group.columns[index] as Float64Array));
  const names = groups.flatMap(({ name, starts }) => Array<string | null>(starts.length).fill(name));
  for (let from = 0; from < starts.length; from += ARROW_BATCH_ROWS) {
    const to = Math.min(starts.length, from + ARROW_BATCH_ROWS);
    yield* stream.batch(to - from, [
      ...named.map((): ArrowValues => ({ type: 'utf8', texts: names.slice(from, to) })),
      { type: 'timestamp', values: starts.subarray(from, to) },
      ...columns.map(({ type }, index) => valuesOf(type, (values[index] as Float64Array).subarray(from, to))),
    ]);
  }
  yield* stream.end();
}

function joined(groups: readonly BucketGroup[], column: (group: BucketGroup) => Float64Array): Float64Array {
  const parts = groups.map(column);
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function valuesOf(type: ArrowColumn['type'], values: Float64Array): ArrowValues {
  if (type === 'int64') return { type, values };
  return { type: 'float64', values, valid: (row) => !Number.isNaN(values[row]) };
}
