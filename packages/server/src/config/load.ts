import { readFileSync } from 'node:fs';
import { PisyncError, parseJson } from '@pisync/protocol';
import { nearestName } from '../core/nearest.ts';
import {
  type Config,
  type ConfigKey,
  type ConfigValue,
  configKeys,
  defaults,
  environmentName,
  flagName,
  isConfigKey,
} from './schema.ts';
import { readJsonValue, readTextValue, redacted } from './value.ts';

/** Where a value came from; later ones of this list win. */
export type SourceKind = 'default' | 'file' | 'environment' | 'flag';

/** Origin of one effective value. */
export interface Source {
  readonly kind: SourceKind;
  /** How the operator spelled it: `PISYNC_PORT`, `--port`, or the file's path; `default` for a default. */
  readonly name: string;
}

/** The effective configuration with the origin of each value. */
export interface LoadedConfig {
  readonly config: Config;
  readonly sources: Readonly<Record<ConfigKey, Source>>;
  /** Path of the configuration file that was read, or null. */
  readonly file: string | null;
}

/** What to load from. */
export interface LoadInput {
  /** Values of flags by key, as typed: text, or a boolean for a switch. Absent keys were not given. */
  readonly flags?: Readonly<Record<string, string | boolean>>;
  /** Usually `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Path of a JSON file; wins over `PISYNC_CONFIG`. */
  readonly file?: string | undefined;
  /** Reads the file as text; tests replace it. */
  readonly readFile?: (path: string) => string;
}

const prefix = 'PISYNC_';

/** Environment names that are no keys: the file to read, and the server that client commands talk to. */
const otherNames: readonly string[] = ['PISYNC_CONFIG', 'PISYNC_URL'];

/** Set by Kubernetes and container links for a service that is called `pisync`. */
const serviceLink = /^PISYNC_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP))/;

/**
 * Puts the configuration together: default < file < environment < flag. Empty environment values count as
 * not set.
 *
 * @throws {PisyncError} `unknown_config_key` for a name that no key has, with the nearest name; `invalid_config`
 * for a value that its key does not accept, naming key, source and what is allowed, or for an unreadable file
 */
export function loadConfig(input: LoadInput = {}): LoadedConfig {
  const environment = input.environment ?? {};
  const file = input.file ?? (environment['PISYNC_CONFIG'] || null);
  const values: Record<string, ConfigValue> = { ...defaults };
  const sources = Object.fromEntries(
    configKeys.map((key) => [key, { kind: 'default', name: 'default' }]),
  ) as Record<ConfigKey, Source>;
  const set = (key: ConfigKey, value: ConfigValue, source: Source): void => {
    values[key] = value;
    sources[key] = source;
  };
  if (file !== null) readFileValues(file, input.readFile ?? readText, set);
  readEnvironment(environment, set);
  readFlags(input.flags ?? {}, set);
  return { config: Object.freeze(values) as unknown as Config, sources, file };
}

type Setter = (key: ConfigKey, value: ConfigValue, source: Source) => void;

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function readFileValues(path: string, read: (path: string) => string, set: Setter): void {
  for (const [name, value] of Object.entries(parseFile(path, read))) {
    if (!isConfigKey(name)) throw unknownKey(name, `in ${path}`, nearestName(name, configKeys));
    set(name, readJsonValue(name, value, path), { kind: 'file', name: path });
  }
}

function parseFile(path: string, read: (path: string) => string): Record<string, unknown> {
  let text: string;
  try {
    text = read(path);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : String(cause);
    throw new PisyncError('invalid_config', {
      detail: `Cannot read the configuration file ${path}: ${reason}.`,
      cause,
    });
  }
  let parsed: unknown;
  try {
    parsed = parseJson(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const detail = `The configuration file ${path} is not valid JSON: ${(cause as Error).message}.`;
    throw new PisyncError('invalid_config', { detail, cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    const detail = `The configuration file ${path} must hold one JSON object, such as {"port": 3000}.`;
    throw new PisyncError('invalid_config', { detail });
  }
  return parsed as Record<string, unknown>;
}

function readEnvironment(environment: Readonly<Record<string, string | undefined>>, set: Setter): void {
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(prefix) || otherNames.includes(name) || text === undefined || text === '') continue;
    const key = name.slice(prefix.length).toLowerCase();
    if (serviceLink.test(name) || (name === 'PISYNC_PORT' && /^(tcp|udp):/.test(text)))
      throw serviceLinkFound(name);
    if (!isConfigKey(key) || environmentName(key) !== name) {
      const names = [...configKeys.map(environmentName), ...otherNames];
      throw unknownKey(name, 'in the environment', nearestName(name, names));
    }
    set(key, readTextValue(key, text, name), { kind: 'environment', name });
  }
}

function readFlags(flags: Readonly<Record<string, string | boolean>>, set: Setter): void {
  for (const [key, value] of Object.entries(flags)) {
    if (!isConfigKey(key)) throw unknownKey(key, 'among the flags', nearestName(key, configKeys));
    const name = flagName(key);
    set(key, readTextValue(key, String(value), name), { kind: 'flag', name });
  }
}

function unknownKey(name: string, where: string, nearest: string | undefined): PisyncError {
  const hint = nearest === undefined ? 'pisync config lists all keys.' : `Did you mean ${nearest}?`;
  return new PisyncError('unknown_config_key', {
    detail: `No configuration key ${name} (${where}). ${hint}`,
    field: name,
  });
}

function serviceLinkFound(name: string): PisyncError {
  const detail =
    `${name} was set by Kubernetes for a Service that is called pisync, and hides the setting of that name. ` +
    'Set enableServiceLinks: false in the pod, or give the Service another name.';
  return new PisyncError('invalid_config', { detail, field: name });
}

/** The effective values as they may be printed or logged: credentials in URLs are replaced by `***`. */
export function printableConfig(config: Config): Record<ConfigKey, ConfigValue> {
  return Object.fromEntries(configKeys.map((key) => [key, redacted(key, config[key])])) as Record<
    ConfigKey,
    ConfigValue
  >;
}
