import { PisyncError } from '@pisync/protocol';
import type { Exchange } from '../../exchange.ts';
import type { PathParameter } from '../../route.ts';

/** The `:id` of the quarantine's routes. */
export const quarantineId: Readonly<Record<string, PathParameter>> = {
  id: { description: 'Id of the item, from the list.', schema: { type: 'integer', minimum: 1 }, example: 1 },
};

/** @throws {PisyncError} `quarantine_unknown` for a text that no item can have as its id */
export function readQuarantineId(exchange: Exchange): number {
  const text = exchange.parameter('id');
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new PisyncError('quarantine_unknown', { detail: 'Ids of quarantined items are whole numbers.' });
}
