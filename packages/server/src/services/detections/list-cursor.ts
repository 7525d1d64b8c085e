import { PisyncError } from '@pisync/protocol';
import { decodeCursor, type KeyPart, type ListIdentity } from '../../core/paging.ts';

/**
 * The key of a cursor that this list gave out; undefined where there is none.
 *
 * @param shape - the type of each part of the key
 * @throws {PisyncError} `invalid_cursor` where it is none, or belongs to another list or other filters
 */
export function readCursor(
  identity: ListIdentity,
  cursor: string | undefined,
  shape: readonly ('number' | 'string')[],
): readonly KeyPart[] | undefined {
  if (cursor === undefined) return undefined;
  const key = decodeCursor(identity, cursor, shape);
  if (key === 'malformed') throw brokenCursor();
  if (key !== 'other_list') return key;
  const detail =
    'The cursor belongs to another list or to other filters. Keep them the same, or start without cursor.';
  throw new PisyncError('invalid_cursor', { field: 'cursor', detail });
}

/** What a cursor that this server never gave out is answered with. */
export function brokenCursor(): PisyncError {
  const detail = 'Pass next_cursor of the previous reply, unchanged.';
  return new PisyncError('invalid_cursor', { field: 'cursor', detail });
}
