import { formatPath } from './canonical-json.ts';
import { parseJson } from './parse-json.ts';

/** Number of keys of all objects in a JSON value. The caller has made sure that it is not nested too deep. */
export function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) keys += countKeys(item);
    return keys;
  }
  const record = value as Record<string, unknown>;
  for (const key in record) {
    keys += 1;
    const inner = record[key];
    if (typeof inner === 'object' && inner !== null) keys += countKeys(inner);
  }
  return keys;
}

/** An object or array that the search is in. */
interface Level {
  /** Keys seen in this object; undefined for an array. */
  readonly keys: Set<string> | undefined;
  /** The key or place of the value that is being read. */
  step: string | number;
}

/**
 * Finds the first key that one object of a JSON text holds twice, however it is escaped.
 *
 * @param text - valid JSON
 * @returns the path of the key such as `metadata.list[3].name`, undefined where all keys differ
 */
export function findDuplicateKey(text: string): string | undefined {
  const levels: Level[] = [];
  let keyExpected = false;
  for (let at = 0; at < text.length; at += 1) {
    const level = levels.at(-1);
    switch (text[at]) {
      case '{':
        levels.push({ keys: new Set(), step: '' });
        keyExpected = true;
        break;
      case '[':
        levels.push({ keys: undefined, step: 0 });
        keyExpected = false;
        break;
      case '}':
      case ']':
        levels.pop();
        keyExpected = false;
        break;
      case ',':
        if (typeof level?.step === 'number') level.step += 1;
        keyExpected = level?.keys !== undefined;
        break;
      case '"': {
        const end = endOfString(text, at);
        if (keyExpected && level?.keys !== undefined) {
          const key = parseJson(text.slice(at, end)) as string;
          level.step = key;
          if (level.keys.has(key)) return formatPath(levels.map((each) => each.step));
          level.keys.add(key);
          keyExpected = false;
        }
        at = end - 1;
      }
    }
  }
  return undefined;
}

/** Place after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}
