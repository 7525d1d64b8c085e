/** Longest device id, in characters. */
export const maxDeviceIdLength = 128;

/** The rule in words, for error messages. */
export const deviceIdRule =
  '1 to 128 characters of letters a-z A-Z, digits and . _ : @ -, the first a letter or digit';

const allowedFirst = 1;
const allowedLater = 2;

/** For each ASCII character, whether it may stand first, later or not at all. */
const allowed = new Uint8Array(128);
for (let code = 0; code < 128; code += 1) {
  const character = String.fromCharCode(code);
  if (/[A-Za-z0-9]/.test(character)) allowed[code] = allowedFirst | allowedLater;
  else if ('._:@-'.includes(character)) allowed[code] = allowedLater;
}

/** True for a well-formed device id. One pass over the text, no backtracking. */
export function isDeviceId(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > maxDeviceIdLength) return false;
  if (((allowed[text.charCodeAt(0)] ?? 0) & allowedFirst) === 0) return false;
  for (let at = 1; at < length; at += 1) {
    if (((allowed[text.charCodeAt(at)] ?? 0) & allowedLater) === 0) return false;
  }
  return true;
}

/** Says why a text is no device id and how to mend it. Call it only where {@link isDeviceId} said no. */
export function explainDeviceId(text: string): string {
  if (text.length === 0) return `is empty; send ${deviceIdRule}`;
  if (text.length > maxDeviceIdLength) return `has ${text.length} characters; send ${deviceIdRule}`;
  for (let at = 0; at < text.length; at += 1) {
    const right = at === 0 ? allowedFirst : allowedLater;
    if (((allowed[text.charCodeAt(at)] ?? 0) & right) !== 0) continue;
    const code = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0');
    return `has U+${code} as character ${at + 1}; send ${deviceIdRule}`;
  }
  return `is well formed`;
}
