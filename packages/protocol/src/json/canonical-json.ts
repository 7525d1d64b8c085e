/** Why a value has no canonical text. */
export interface CanonicalFault {
  readonly reason: 'too_deep' | 'not_finite' | 'not_json';
  /** Keys and places that lead to the value that is wrong, from the outside in. */
  readonly path: readonly (string | number)[];
}

/** Canonical text of a JSON value, or why there is none. */
export type Canonical =
  | { readonly ok: true; readonly text: string }
  | ({ readonly ok: false } & CanonicalFault);

/**
 * Writes a JSON value as its one canonical text: object keys sorted by UTF-16 code unit, no white space, numbers and
 * strings as `JSON.stringify` writes them (`-0` is `0`, lone surrogates are escaped), as in RFC 8785.
 *
 * Two values have the same text exactly when they are the same JSON value. Keys such as `__proto__` are plain data:
 * nothing of the input is ever assigned into an object.
 *
 * @param value - what `parseJson` returns; a number that overflowed to `Infinity` has no text
 * @param maxDepth - deepest nesting taken; a scalar has depth 0, `{}` has 1
 */
export function canonicalJson(value: unknown, maxDepth: number): Canonical {
  try {
    return { ok: true, text: write(value, maxDepth) };
  } catch (fault) {
    if (!(fault instanceof PathFault)) throw fault;
    return { ok: false, reason: fault.reason, path: fault.path };
  }
}

/** A path as it stands in error messages: `metadata.list[3].name`. Hostile keys are cut: at most 200 characters. */
export function formatPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
    if (text.length > 200) return `${text.slice(0, 200).toWellFormed()}…`;
  }
  return text.toWellFormed();
}

/** Thrown while writing; each level that it passes puts its key in front. */
class PathFault {
  readonly reason: CanonicalFault['reason'];
  readonly path: (string | number)[] = [];

  constructor(reason: CanonicalFault['reason']) {
    this.reason = reason;
  }

  under(step: string | number): this {
    this.path.unshift(step);
    return this;
  }
}

function write(value: unknown, depthLeft: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw new PathFault('not_finite');
      return value === 0 ? '0' : String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depthLeft === 0) throw new PathFault('too_deep');
      return Array.isArray(value) ? writeArray(value, depthLeft - 1) : writeObject(value, depthLeft - 1);
    default:
      throw new PathFault('not_json');
  }
}

function writeArray(items: readonly unknown[], depthLeft: number): string {
  let text = '[';
  for (let at = 0; at < items.length; at += 1) {
    if (at > 0) text += ',';
    try {
      text += write(items[at], depthLeft);
    } catch (fault) {
      throw fault instanceof PathFault ? fault.under(at) : fault;
    }
  }
  return `${text}]`;
}

function writeObject(record: object, depthLeft: number): string {
  const keys = Object.keys(record);
  if (keys.length > 1) keys.sort();
  let text = '{';
  for (let at = 0; at < keys.length; at += 1) {
    const key = keys[at] as string;
    if (at > 0) text += ',';
    try {
      text += `${JSON.stringify(key)}:${write((record as Record<string, unknown>)[key], depthLeft)}`;
    } catch (fault) {
      throw fault instanceof PathFault ? fault.under(key) : fault;
    }
  }
  return `${text}}`;
}
