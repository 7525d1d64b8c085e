import type { ApiClient } from './client.ts';
import { count } from './readable.ts';
import type { Terminal } from './terminal.ts';

/** A list as the server answers it. */
export interface ListReply<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
  /** Items that match, over all pages. */
  readonly total: number;
}

/** Most items of one page. */
const pageSize = 1_000;

/**
 * Reads up to `limit` items of a list, page by page.
 *
 * @param path - the route without a query
 * @param parameters - its filters; undefined ones are left out
 * @returns the members of the first reply, with all items and the last `next_cursor`
 */
export async function readList<Item>(
  client: ApiClient,
  path: string,
  parameters: Readonly<Record<string, string | number | undefined>>,
  limit: number,
): Promise<ListReply<Item>> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) query.set(name, String(value));
  query.set('limit', String(Math.min(limit, pageSize)));
  const first = await client.ask<ListReply<Item>>('GET', `${path}?${query}`);
  const items = [...first.items];
  let cursor = first.next_cursor;
  while (cursor !== null && items.length < limit) {
    query.set('limit', String(Math.min(limit - items.length, pageSize)));
    query.set('cursor', cursor);
    const page: ListReply<Item> = await client.ask<ListReply<Item>>('GET', `${path}?${query}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  }
  return { ...first, items, next_cursor: cursor };
}

/** Says where there is more than what was listed. */
export function listFooter(list: ListReply<unknown>, what: string, terminal: Terminal): void {
  if (list.next_cursor === null) return;
  const { length } = list.items;
  terminal.note(`${count(length)} of ${count(list.total)} ${what}. More with --limit ${length * 10}.`);
}
