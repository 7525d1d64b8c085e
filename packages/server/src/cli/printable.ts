/**
 * Everything that could move the cursor, recolour, reorder or hide what a person reads: control characters,
 * line separators, direction overrides, zero-width and other invisible format characters, lone surrogates,
 * private-use and unassigned code points.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/**
 * Text from outside as it may be shown on a terminal: what devices say is hostile, so every character that
 * does not simply print becomes an escape such as `\u{1b}`. Cut to `limit` characters with `…`.
 */
export function printable(text: string, limit = 512): string {
  const points = Array.from(text.length > limit * 2 ? text.slice(0, limit * 2) : text);
  const cut = points.length > limit || text.length > limit * 2;
  const shown = (cut ? points.slice(0, limit - 1) : points).join('');
  const escaped = shown.replaceAll(unsafe, (found) => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`);
  return cut ? `${escaped}…` : escaped;
}

/** The same for text of several lines, such as a message with a stack: its line breaks stay. */
export function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line, 2_000))
    .join('\n');
}
