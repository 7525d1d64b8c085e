import { parseJson } from '@pisync/protocol';

/**
 * Opaque cursors: base64url of a versioned tuple `[version, binding, …key]`. The binding is a short digest of the
 * list and its filters, so that a cursor is refused where it would silently skip or repeat items. It guards against
 * mistakes, not against forgery: a forged cursor shows nothing that a plain query would not.
 */
const VERSION = 1;

/** Longest cursor that is looked at, in characters. */
const MAX_CURSOR_LENGTH = 1024;

/** One part of a keyset: a finite number or a text. */
export type KeyPart = number | string;

/** What tells one list from another: its name and the filters in force, in any order. */
export interface ListIdentity {
  readonly list: string;
  readonly filters: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** FNV-1a over UTF-16 units, 32 bits, as base 36 text. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return (hash >>> 0).toString(36);
}

function bindingOf(identity: ListIdentity): string {
  const pairs = Object.entries(identity.filters)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return digest(JSON.stringify([identity.list, pairs]));
}

/** Makes the cursor that resumes a list after `key`. */
export function encodeCursor(identity: ListIdentity, key: readonly KeyPart[]): string {
  const text = JSON.stringify([VERSION, bindingOf(identity), ...key]);
  return Buffer.from(text, 'utf8').toString('base64url');
}

/** Why a cursor is not usable; see {@link decodeCursor}. */
export type CursorFault = 'malformed' | 'other_list';

/**
 * Reads a cursor made by {@link encodeCursor} for the same list and filters.
 *
 * @param shape - the type of each part of the key
 * @returns the key, or why there is none
 */
export function decodeCursor(
  identity: ListIdentity,
  cursor: string,
  shape: readonly ('number' | 'string')[],
): readonly KeyPart[] | CursorFault {
  if (cursor.length > MAX_CURSOR_LENGTH || !/^[A-Za-z0-9_-]+$/.test(cursor)) return 'malformed';
  let parsed: unknown;
  try {
    parsed = parseJson(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return 'malformed';
  }
  if (!Array.isArray(parsed) || parsed[0] !== VERSION || typeof parsed[1] !== 'string') return 'malformed';
  if (parsed[1] !== bindingOf(identity)) return 'other_list';
  const key = parsed.slice(2) as unknown[];
  if (key.length !== shape.length) return 'malformed';
  const usable = key.every((part, at) => typeof part === shape[at]);
  return usable ? (key as KeyPart[]) : 'malformed';
}
