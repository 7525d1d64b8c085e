import { defaultMaxDepth, maxMetadataBytes } from '../event/decode-sync-event.ts';
import { describeValue, ItemFault } from '../event/item-fault.ts';
import { canonicalJson, formatPath } from '../json/canonical-json.ts';

type JsonRecord = Record<string, unknown>;

const utf8 = new TextEncoder();

/** What a decoder puts into `metadata`: what was sent there, fields that it does not know, and what it could not use. */
export interface MetadataParts {
  readonly sent: unknown;
  /** Name of the metadata field as the item spells it. */
  readonly name: string;
  readonly unknown: JsonRecord | undefined;
  readonly dropped: JsonRecord | undefined;
}

/**
 * Merges the parts into canonical JSON text. What was dropped stands under the key `dropped`, with as many `_` behind it as it
 * takes not to meet a key that was sent.
 *
 * @throws {ItemFault} where `sent` is no object, a key comes twice, or the whole is too deep or too large
 */
export function detectionMetadata(parts: MetadataParts, maxDepth = defaultMaxDepth): string | null {
  const { sent, name, unknown, dropped } = parts;
  const absent = sent === undefined || sent === null;
  if (absent && unknown === undefined && dropped === undefined) return null;
  if (!absent && (typeof sent !== 'object' || Array.isArray(sent))) {
    throw new ItemFault('invalid_type', name, `${name} must be an object, not ${describeValue(sent)}`);
  }
  const merged = merge(absent ? undefined : (sent as JsonRecord), unknown);
  if (dropped !== undefined) {
    let key = 'dropped';
    while (key in merged) key += '_';
    merged[key] = dropped;
  }
  const canonical = canonicalJson(merged, maxDepth);
  if (!canonical.ok) {
    const own = unknown !== undefined && Object.hasOwn(unknown, canonical.path[0] as string);
    const place = formatPath(own ? canonical.path : [name, ...canonical.path]);
    throw canonical.reason === 'too_deep'
      ? new ItemFault('item_too_deep', place, `${place} is nested deeper than ${maxDepth} levels`)
      : new ItemFault('out_of_range', place, `${place} is a number too large to hold; send it as text`);
  }
  // A unit of UTF-16 takes at most three bytes.
  if (canonical.text.length * 3 <= maxMetadataBytes) return canonical.text;
  const bytes = utf8.encode(canonical.text).length;
  if (bytes <= maxMetadataBytes) return canonical.text;
  const detail = `${name} takes ${bytes} bytes, unknown fields included; the limit is ${maxMetadataBytes}`;
  throw new ItemFault('item_too_large', name, detail);
}

function merge(sent: JsonRecord | undefined, unknown: JsonRecord | undefined): JsonRecord {
  // Without a prototype, `__proto__` is a key like any other.
  const both = Object.create(null) as JsonRecord;
  for (const key in unknown) both[key] = unknown[key];
  for (const key in sent) {
    if (key in both) {
      const place = formatPath([key]);
      const detail = `${place} is an unknown field and would join metadata, which has this key already; send it once`;
      throw new ItemFault('duplicate_field', place, detail);
    }
    both[key] = sent[key];
  }
  return both;
}
