/**
 * Starts that a spreadsheet takes for a formula: those of OWASP's page on CSV injection, the full-width forms among them, and quotes
 * before them, so that {@link plainText} can be undone.
 */
const formula = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** Fields with these need quotes; white space at the ends is lost without them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const needsQuotes = /[",\u0000-\u001f\u007f]|^\s|\s$/;

/**
 * A text that no spreadsheet runs: one that starts like a formula gets a `'` in front. To get the text back, take one `'` away where
 * a `'` and what starts a formula come first, whatever number of `'` is between them.
 */
export function plainText(text: string): string {
  return formula.test(text) ? `'${text}` : text;
}

/** A field of RFC 4180, in quotes where it takes them. */
export function csvField(text: string): string {
  return needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
