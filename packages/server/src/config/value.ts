import { PisyncError } from '@pisync/protocol';
import { allowedValues, type ConfigKey, type ConfigValue, keySpec, namesIn, urlsIn } from './schema.ts';

/**
 * Reads a value from text, as the environment and flags give it.
 *
 * @param source - how the operator spelled the place, for the message
 * @throws {PisyncError} `invalid_config`
 */
export function readTextValue(key: ConfigKey, text: string, source: string): ConfigValue {
  const spec = keySpec(key);
  let value: unknown = text;
  // Number() would also take '', ' 1', '0x10' and '1e3': a setting should mean what it looks like.
  if (spec.type === 'integer') value = /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (spec.type === 'boolean') value = text === 'true' || (text === 'false' ? false : undefined);
  return checked(key, value, JSON.stringify(redactUserinfo(text)), source);
}

/**
 * Reads a value of a parsed JSON file, where types are strict: `"3000"` is no integer.
 *
 * @throws {PisyncError} `invalid_config`
 */
export function readJsonValue(key: ConfigKey, value: unknown, source: string): ConfigValue {
  const shown =
    typeof value === 'string' ? JSON.stringify(redactUserinfo(value)) : (JSON.stringify(value) ?? 'nothing');
  return checked(key, value, shown.length > 120 ? `${shown.slice(0, 120)}…` : shown, source);
}

function checked(key: ConfigKey, value: unknown, shown: string, source: string): ConfigValue {
  if (isAccepted(key, value)) return value;
  const detail = `${key} must be ${allowedValues(key)}, but ${source} says ${shown}.`;
  throw new PisyncError('invalid_config', { detail, field: key });
}

function isAccepted(key: ConfigKey, value: unknown): value is ConfigValue {
  const spec = keySpec(key);
  switch (spec.type) {
    case 'integer':
      return Number.isSafeInteger(value) && (value as number) >= spec.min && (value as number) <= spec.max;
    case 'boolean':
      return typeof value === 'boolean';
    case 'enum':
      return typeof value === 'string' && spec.values.includes(value);
    case 'url':
      return isUrl(value, spec.schemes);
    case 'urls':
      return typeof value === 'string' && urlsIn(value).every((url) => isUrl(url, spec.schemes));
    case 'names':
      return typeof value === 'string' && namesIn(value) !== undefined;
    case 'string':
      return isText(value);
  }
}

function isText(value: unknown): value is string {
  // A NUL ends a path early in the operating system; other control characters are no one's intention either.
  return typeof value === 'string' && value.trim() !== '' && !/\p{Cc}/u.test(value);
}

function isUrl(value: unknown, schemes: readonly string[]): value is string {
  return isText(value) && schemes.some((scheme) => value.startsWith(scheme) && isPlace(value, scheme));
}

/** `sqlite:` needs a path after it; `memory:` has nothing after it. */
function isPlace(url: string, scheme: string): boolean {
  return scheme === 'memory:' ? url === scheme : url.length > scheme.length;
}

/** Hides `user:password@` of a URL and a password among its parameters, whatever else the text is. */
function redactUserinfo(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/).*@/i, '$1***@').replace(/([?&]password=)[^&#]*/gi, '$1***');
}

/** A value as it may be printed. */
export function redacted(key: ConfigKey, value: ConfigValue): ConfigValue {
  const spec = keySpec(key);
  if ((spec.type !== 'url' && spec.type !== 'urls') || spec.secret !== 'userinfo') return value;
  const urls = spec.type === 'urls' ? urlsIn(String(value)) : [String(value)];
  return urls.map(redactUserinfo).join(', ');
}
