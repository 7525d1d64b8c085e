/**
 * Parses a JSON text as `JSON.parse` does, and gives every key as it was sent.
 *
 * V8 12.8 and later (Node.js 24 and 26, and the browsers of these years) take a key that is written with an escape for
 * another key that was seen at the same place before, where the raw text of the one begins like the other: after
 * `{"a":0,"\\":1}` was parsed once, `{"a":0,"\n":1}` comes back with the key `\` (nodejs/node#63785). The name of a
 * member would change, or one of two members be lost, with what strangers sent before. So texts with such keys, which
 * are rare, are parsed with all their keys in a spelling that needs no escape.
 *
 * @throws SyntaxError as `JSON.parse` does, with its message
 */
export function parseJson(text: string): unknown {
  const renamed = hasEscapedKey(text) ? renameKeys(text) : undefined;
  if (renamed === undefined) return JSON.parse(text);
  let value: unknown;
  try {
    value = JSON.parse(renamed);
  } catch {
    // Whether a text is JSON is told right, and with places that the sender knows.
    return JSON.parse(text);
  }
  restoreKeys(value);
  return value;
}

/** Before a key that needs no escape, and before the code units of one that does, four hexadecimal digits each. */
const plain = '-';
const escaped = '=';

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has them escaped.
const mustBeEscaped = /["\\\u0000-\u001f]/;

function hasEscapedKey(text: string): boolean {
  for (let at = text.indexOf('\\'); at !== -1; at = text.indexOf('\\', at)) {
    at = endOfString(text, at);
    if (isKey(text, at)) return true;
  }
  return false;
}

/** The text with every key written so that none needs an escape; undefined where one is not written as JSON. */
function renameKeys(text: string): string | undefined {
  let renamed = '';
  let copied = 0;
  for (let open = text.indexOf('"'); open !== -1; ) {
    const end = endOfString(text, open + 1);
    if (isKey(text, end)) {
      const name = renamedKey(text.slice(open, end));
      if (name === undefined) return undefined;
      renamed += `${text.slice(copied, open)}"${name}"`;
      copied = end;
    }
    open = text.indexOf('"', end);
  }
  return renamed + text.slice(copied);
}

/** Place after the closing quote of the string that `from` is in; the end of the text where it is not closed. */
function endOfString(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** True where a colon comes next, as it does behind keys and no other string. */
function isKey(text: string, from: number): boolean {
  let at = from;
  while (' \t\r\n'.includes(text[at] ?? ':')) at += 1;
  return text[at] === ':';
}

/** Another name for a key, of characters that need no escape; undefined where the quoted text is no string. */
function renamedKey(quoted: string): string | undefined {
  if (!quoted.includes('\\')) return plain + quoted.slice(1, -1);
  let key: string;
  try {
    key = JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
  // Two spellings of one key get one name: the last of them counts.
  if (!mustBeEscaped.test(key)) return plain + key;
  let name = escaped;
  for (let at = 0; at < key.length; at += 1) name += key.charCodeAt(at).toString(16).padStart(4, '0');
  return name;
}

/** Gives the keys of all objects their names again, in place; any depth of nesting. */
function restoreKeys(value: unknown): void {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (Array.isArray(next)) {
      for (const item of next) open.push(item);
      continue;
    }
    const record = next as Record<string, unknown>;
    const members = Object.entries(record);
    for (const [name] of members) delete record[name];
    for (const [name, inner] of members) {
      // Defined, not assigned: a key such as __proto__ is plain data.
      Object.defineProperty(record, originalKey(name), {
        value: inner,
        writable: true,
        enumerable: true,
        configurable: true,
      });
      open.push(inner);
    }
  }
}

function originalKey(name: string): string {
  if (name.startsWith(plain)) return name.slice(1);
  let key = '';
  for (let at = 1; at < name.length; at += 4) {
    key += String.fromCharCode(Number.parseInt(name.slice(at, at + 4), 16));
  }
  return key;
}
