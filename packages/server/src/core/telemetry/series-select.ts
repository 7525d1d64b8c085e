import { decodeSeriesKey } from '@pisync/protocol';

/** What a question asks of a series besides its device; all that is given must hold. */
export interface SeriesCondition {
  /** Names of metrics, of which it must have one. */
  readonly metrics?: readonly string[] | undefined;
  /** Tags that a series must have with these values; it may have more. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Part of the metric's name, in any case. */
  readonly search?: string | undefined;
}

/** True where the series with this canonical key meets the condition. */
export function matchesSeries(key: string, { metrics, tags, search }: SeriesCondition): boolean {
  if (metrics === undefined && tags === undefined && search === undefined) return true;
  const name = decodeSeriesKey(key);
  if (metrics !== undefined && !metrics.includes(name.metric)) return false;
  if (search !== undefined && !name.metric.toLowerCase().includes(search.toLowerCase())) return false;
  return Object.entries(tags ?? {}).every(([tag, value]) =>
    name.tags.some(([own, held]) => own === tag && held === value),
  );
}
