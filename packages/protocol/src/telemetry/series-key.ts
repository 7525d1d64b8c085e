import type { ErrorCode } from '../errors.ts';

/** Longest metric, tag name and tag value, in characters (Unicode code points). */
export const maxSeriesTextLength = 200;

/** Most tags of a series. */
export const maxSeriesTags = 32;

/** Largest canonical key, in bytes of UTF-8. */
export const maxSeriesKeyBytes = 4096;

/** A tag: its name and its value. */
export type SeriesTag = readonly [name: string, value: string];

/** A metric and its tags, in the order of the canonical key. */
export interface DecodedSeriesKey {
  readonly metric: string;
  readonly tags: readonly SeriesTag[];
}

/** Why a metric and its tags cannot be a series. */
export interface SeriesFault {
  readonly code: ErrorCode;
  /** The part that is wrong: `metric`, or the tag by its place in the list; null where it is their sum. */
  readonly part: 'metric' | number | null;
  /** Continues the sentence that the name of the part begins. */
  readonly detail: string;
}

const special = /[\\,= ]/;
const specials = /[\\,= ]/g;

/**
 * The canonical key of a metric and its tags: `metric` or `metric,tag=value,…`, tags sorted by the UTF-16 code units of
 * their names, with a backslash before `,` `=` space and `\` in all of them. Equal keys are equal series. The tags may
 * come in any order; no name may stand twice.
 */
export function encodeSeriesKey(metric: string, tags: readonly SeriesTag[]): string {
  let key = escapeText(metric);
  if (tags.length === 0) return key;
  for (const [name, value] of sortTags(tags)) key += `,${escapeText(name)}=${escapeText(value)}`;
  return key;
}

/**
 * The metric and tags of a canonical key.
 *
 * @throws {TypeError} where the text is no key that {@link encodeSeriesKey} makes
 */
export function decodeSeriesKey(key: string): DecodedSeriesKey {
  const parts: string[] = [];
  let part = '';
  /** What the next part is: 0 the metric, then names (odd) and values (even). */
  for (let at = 0; at < key.length; at += 1) {
    const character = key[at] as string;
    if (character === '\\') {
      at += 1;
      part += key[at] ?? '';
    } else if (character === (parts.length % 2 === 0 ? ',' : '=')) {
      parts.push(part);
      part = '';
    } else {
      part += character;
    }
  }
  parts.push(part);
  const tags: SeriesTag[] = [];
  for (let at = 1; at + 1 < parts.length; at += 2) tags.push([parts[at] as string, parts[at + 1] as string]);
  const metric = parts[0] as string;
  if (parts.length % 2 === 0 || encodeSeriesKey(metric, tags) !== key) {
    throw new TypeError(`${JSON.stringify(key)} is no canonical series key`);
  }
  return { metric, tags };
}

/** Says why a metric and tags cannot be a series, undefined where they can. `key` is what {@link encodeSeriesKey} made of them. */
export function explainSeries(
  metric: string,
  tags: readonly SeriesTag[],
  key: string,
): SeriesFault | undefined {
  const wrong = explainSeriesText(metric);
  if (wrong !== undefined) return { code: 'invalid_text', part: 'metric', detail: wrong };
  if (tags.length > maxSeriesTags) {
    const detail = `has ${tags.length} tags; send at most ${maxSeriesTags}`;
    return { code: 'out_of_range', part: null, detail };
  }
  for (let place = 0; place < tags.length; place += 1) {
    const [name, value] = tags[place] as SeriesTag;
    const wrongName = explainSeriesText(name);
    if (wrongName !== undefined)
      return { code: 'invalid_text', part: place, detail: `has a name that ${wrongName}` };
    const wrongValue = explainSeriesText(value);
    if (wrongValue !== undefined) return { code: 'invalid_text', part: place, detail: wrongValue };
    for (let before = 0; before < place; before += 1) {
      if (tags[before]?.[0] === name)
        return { code: 'duplicate_field', part: place, detail: 'is given twice; send it once' };
    }
  }
  // A code unit takes three bytes at most.
  if (key.length * 3 <= maxSeriesKeyBytes) return undefined;
  const bytes = utf8Length(key);
  if (bytes <= maxSeriesKeyBytes) return undefined;
  const detail = `takes ${bytes} bytes with its tags; the limit is ${maxSeriesKeyBytes}`;
  return { code: 'item_too_large', part: null, detail };
}

/** Says why a text is no metric, tag name or tag value, undefined where it is one. */
export function explainSeriesText(text: string): string | undefined {
  const rule = `send 1 to ${maxSeriesTextLength} characters without control characters`;
  if (text.length === 0) return `is empty; ${rule}`;
  if (text.length > 2 * maxSeriesTextLength)
    return `has more than ${maxSeriesTextLength} characters; ${rule}`;
  let characters = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return `holds a control character; ${rule}`;
    if (code < 0xdc00 || code > 0xdfff) characters += 1;
  }
  if (!text.isWellFormed()) return `holds half of a surrogate pair; ${rule}`;
  return characters > maxSeriesTextLength ? `has ${characters} characters; ${rule}` : undefined;
}

/** Bytes of UTF-8 that a well-formed text takes. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // A surrogate pair is two units and four bytes: one byte more for each unit.
    if (code >= 0x80) bytes += code >= 0x800 && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

function escapeText(text: string): string {
  return special.test(text) ? text.replace(specials, '\\$&') : text;
}

function sortTags(tags: readonly SeriesTag[]): readonly SeriesTag[] {
  for (let place = 1; place < tags.length; place += 1) {
    if ((tags[place - 1] as SeriesTag)[0] > (tags[place] as SeriesTag)[0]) {
      // Comparison of texts in JavaScript is by code units.
      return [...tags].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    }
  }
  return tags;
}
