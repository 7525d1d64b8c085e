import { encodeSeriesKey, type SeriesName } from '@pisync/protocol';
import { matchesSeries } from '../../../../core/telemetry/series-select.ts';
import type { SeriesPage, SeriesQuery, SeriesRecord } from '../../../../ports/telemetry-store.ts';
import { originalText, storableText, textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { nameOf } from './series-name.ts';
import { microseconds } from './series-rows.ts';

/** Most series that are read at once. */
const MAX_ROWS = 10_000;

const TEXT = 2;
const BOOLEAN = 1;

interface SeriesAnswer {
  readonly number: number;
  readonly deviceId: string;
  readonly key: string;
  readonly time: number;
  readonly value: number | null;
  readonly kind: number;
  readonly text: string | null;
  readonly kinds: number;
}

/**
 * Series that match, by number. The database filters by all that follows from bytes alone; what is left is decided by
 * `matchesSeries`, so that letters are compared as every store compares them.
 */
export async function seriesPage(session: Session, query: SeriesQuery): Promise<SeriesPage> {
  const { limit, after = -1 } = query;
  const { text, values } = conditions(query);
  const items: SeriesRecord[] = [];
  let size = Math.min(MAX_ROWS, limit + 1);
  for (let last = after; ; size = Math.min(MAX_ROWS, size * 4)) {
    const rows = await session.query<SeriesAnswer>(
      `SELECT number, device_id AS "deviceId", key, ${microseconds('newest_time')} AS time, newest_value AS value,
         newest_kind AS kind, newest_text AS text, kinds
       FROM series WHERE number > $1::bigint${text} ORDER BY number LIMIT ${size}`,
      [last, ...values],
    );
    for (const row of rows) {
      last = row.number;
      const record = toRecord(row);
      if (!matchesSeries(record.name.key, query)) continue;
      if (items.length === limit) return { items, next: items.at(-1)?.number ?? null };
      items.push(record);
    }
    if (rows.length < size) return { items, next: null };
  }
}

function toRecord({ number, deviceId, key, time, value, kind, text, kinds }: SeriesAnswer): SeriesRecord {
  const shown = kind === TEXT ? originalText(text ?? '') : kind === BOOLEAN ? value === 1 : (value as number);
  return { name: { deviceId, key: originalText(key) }, number, time, value: shown, kinds };
}

/** What must hold of a series that matches; `$1` is taken. */
function conditions(query: SeriesQuery): { readonly text: string; readonly values: readonly string[] } {
  const { deviceIds, devicePrefix, metrics, tags, search } = query;
  const values: string[] = [];
  let text = '';
  const add = (condition: string, value: string) => {
    values.push(value);
    text += ` AND ${condition.replaceAll('?', `$${values.length + 1}`)}`;
  };
  const prefix = (metric: string) => storableText(encodeSeriesKey(metric, []));
  if (deviceIds !== undefined) add('device_id = ANY(?::text[])', textArray(deviceIds.map(storableText)));
  if (devicePrefix !== undefined) add('starts_with(device_id, ?)', storableText(devicePrefix));
  if (metrics !== undefined) {
    add(
      `EXISTS (SELECT FROM unnest(?::text[]) AS metric WHERE key = metric OR starts_with(key, metric || ','))`,
      textArray(metrics.map(prefix)),
    );
  }
  for (const [tag, value] of Object.entries(tags ?? {})) {
    // It may also be the beginning of a longer value.
    const part = encodeSeriesKey('m', [[tag, value]]).slice(1);
    add('strpos(key, ?) > 0', storableText(part));
  }
  // Letters beyond ASCII change their case by rules that two languages do not share.
  if (search !== undefined) {
    const part = storableText(encodeSeriesKey(search.toLowerCase(), []));
    add(`(strpos(lower(key), ?) > 0 OR octet_length(key) > length(key))`, part);
  }
  return { text, values };
}

/** A question must be asked again, from a later state. */
export class StaleTables extends Error {
  constructor() {
    super('a day of telemetry was sealed after the state that is asked was chosen');
  }
}

/** A series of a question; null where it was never seen. */
export interface FoundSeries {
  readonly number: number;
  readonly kinds: number;
}

/**
 * Finds series by name, in the order of the question.
 *
 * @throws {StaleTables} where a table that this transaction should see is gone, because its day was sealed after the moment
 *   that the transaction sees. `holdPoints` keeps that from happening, unless a state was chosen before it was called; of
 *   hypertables also where it was dropped by a policy.
 */
export async function lookUpSeries(
  session: Session,
  series: readonly SeriesName[],
): Promise<readonly (FoundSeries | null)[]> {
  const names = series.map(nameOf);
  const rows = await session.query<FoundSeries & { name: string; gone: boolean }>(
    // What tables there are is told by the state of this transaction; whether one is still there, by that of now.
    `SELECT name, number, kinds, (SELECT EXISTS (SELECT FROM pg_inherits
       WHERE inhparent = 'point'::regclass AND pg_relation_filenode(inhrelid) IS NULL)) AS gone
     FROM series WHERE name = ANY($1::uuid[])`,
    [textArray(names)],
  );
  if (rows[0]?.gone === true) throw new StaleTables();
  const found = new Map(rows.map((row) => [row.name, row]));
  return names.map((name) => found.get(name) ?? null);
}
