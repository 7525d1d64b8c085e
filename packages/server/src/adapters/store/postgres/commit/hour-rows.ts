import { HourlyTotals, type HourTotals, type TotalsInput } from '../../../../core/totals.ts';
import { numberArray } from '../connection/arrays.ts';
import type { Statement } from '../wire/script.ts';

/** What adds events to the totals of their hours; sums stay at 2^53 - 1 as those of core/totals.ts do. */
export function hourStatement(events: readonly TotalsInput[]): Statement {
  const sums = new HourlyTotals();
  for (const event of events) sums.add(event);
  const hours = sums.between(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  const column = (of: (hour: HourTotals) => number) => numberArray(hours.map(of));
  const values = [
    column(({ hour }) => hour),
    column(({ syncs }) => syncs),
    column(({ partial }) => partial),
    column(({ failed }) => failed),
    column(({ files }) => files),
    column(({ errors }) => errors),
    column(({ bytes }) => bytes),
  ];
  return { text: ADD_HOURS, values };
}

const capped = (name: string) =>
  `${name} = LEAST(sync_hour.${name} + excluded.${name}, ${Number.MAX_SAFE_INTEGER})`;

const ADD_HOURS = `
  INSERT INTO sync_hour (hour, syncs, partial, failed, files, errors, bytes)
  SELECT timestamptz 'epoch' + hour * interval '1 millisecond', syncs, partial, failed, files, errors, bytes
  FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    AS t (hour, syncs, partial, failed, files, errors, bytes)
  ON CONFLICT (hour) DO UPDATE SET syncs = sync_hour.syncs + excluded.syncs,
    partial = sync_hour.partial + excluded.partial, failed = sync_hour.failed + excluded.failed,
    ${capped('files')}, ${capped('errors')}, ${capped('bytes')}`;
