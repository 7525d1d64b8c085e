/** Names in one list. */
const maxNames = 16;

const postgres = ['postgres:', 'postgresql:'] as const;

/**
 * The one table that all of PiSync's configuration comes from: the type {@link Config}, its defaults, the
 * environment names, the flags of `pisync serve`, the checks, `pisync config` and the reference page.
 *
 * A key that measures something carries its unit in its name. To add a key, add a row here and run
 * `node scripts/config-reference.ts`.
 */
export const configSchema = {
  host: {
    group: 'Listening',
    type: 'string',
    default: '127.0.0.1',
    help: 'Address to listen on. Any address but loopback also needs allow_unauthenticated.',
  },
  port: {
    group: 'Listening',
    type: 'integer',
    default: 3000,
    min: 0,
    max: 65_535,
    help: 'TCP port to listen on; 0 takes a free one and prints it.',
  },
  allow_unauthenticated: {
    group: 'Listening',
    type: 'boolean',
    default: false,
    help: 'Accept requests from other machines without a token. Whoever reaches the port can read and write.',
  },
  store: {
    group: 'Storage',
    type: 'url',
    default: 'sqlite:./data/pisync.db',
    schemes: ['sqlite:', 'postgres:', 'postgresql:', 'memory:'],
    secret: 'userinfo',
    help: 'Where events are kept: sqlite:PATH (relative to the working folder), postgres://… or memory: (lost at exit).',
  },
  store_query_connections: {
    group: 'PostgreSQL',
    type: 'integer',
    default: 8,
    min: 1,
    max: 1_000,
    stores: postgres,
    help: 'Connections of one process, to each server, that answer pages and single records.',
  },
  store_report_connections: {
    group: 'PostgreSQL',
    type: 'integer',
    default: 4,
    min: 1,
    max: 1_000,
    stores: postgres,
    help: 'Connections of one process, to each server, for long answers: maps, sums, statistics, exports.',
  },
  store_query_timeout_ms: {
    group: 'PostgreSQL',
    type: 'integer',
    default: 30_000,
    min: 100,
    max: 3_600_000,
    stores: postgres,
    help: 'Longest statement of a page or a single record; the server cancels what takes longer.',
  },
  store_report_timeout_ms: {
    group: 'PostgreSQL',
    type: 'integer',
    default: 300_000,
    min: 100,
    max: 86_400_000,
    stores: postgres,
    help: 'Longest statement of a map, a sum, a statistic or an export; the server cancels what takes longer.',
  },
  store_commit_timeout_ms: {
    group: 'PostgreSQL',
    type: 'integer',
    default: 60_000,
    min: 1_000,
    max: 3_600_000,
    stores: postgres,
    help: 'Longest statement of a commit; its senders are then asked to come back.',
  },
  store_lock_timeout_ms: {
    group: 'PostgreSQL',
    type: 'integer',
    default: 10_000,
    min: 100,
    max: 3_600_000,
    stores: postgres,
    help: 'Longest wait for a lock that somebody else holds; senders are then asked to come back.',
  },
  store_connect_timeout_ms: {
    group: 'PostgreSQL',
    type: 'integer',
    default: 10_000,
    min: 100,
    max: 600_000,
    stores: postgres,
    help: 'Longest try to connect, and longest wait of a question for a free connection.',
  },
  store_read_urls: {
    group: 'PostgreSQL',
    type: 'urls',
    default: '',
    schemes: postgres,
    secret: 'userinfo',
    stores: postgres,
    help: 'Replicas that may answer questions: URLs as of store, separated by commas. Empty for none.',
  },
  store_read_max_lag_ms: {
    group: 'PostgreSQL',
    type: 'integer',
    default: 10_000,
    min: 100,
    max: 86_400_000,
    stores: postgres,
    help: 'A replica that is further behind is left out until it has caught up.',
  },
  log_level: {
    group: 'Logging',
    type: 'enum',
    default: 'info',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    help: 'Least severe log line that is written.',
  },
  slow_query_ms: {
    group: 'Logging',
    type: 'integer',
    default: 100,
    min: 0,
    max: 600_000,
    help: 'A request to the store that takes longer is logged as slow; 0 logs every one.',
  },
  partial_counts_as: {
    group: 'Failures',
    type: 'enum',
    default: 'failure',
    values: ['failure', 'ignore', 'success'],
    help: 'How a sync with files and errors counts in failure numbers and streaks.',
  },
  failing_streak: {
    group: 'Failures',
    type: 'integer',
    default: 3,
    min: 1,
    max: 1_000_000,
    help: 'Consecutive failures from which a device is reported as failing.',
  },
  silent_after_hours: {
    group: 'Failures',
    type: 'integer',
    default: 168,
    min: 1,
    max: 87_600,
    help: 'Hours without contact after which a device is reported as silent.',
  },
  max_backlog_days: {
    group: 'Failures',
    type: 'integer',
    default: 400,
    min: 1,
    max: 3_650,
    help: 'Oldest time that is believed: an event that claims to be older gets its time of receipt.',
  },
  max_items: {
    group: 'Request limits',
    type: 'integer',
    default: 10_000,
    min: 1,
    max: 100_000,
    help: 'Most items in one batch; what stands before the limit is kept.',
  },
  max_points: {
    group: 'Request limits',
    type: 'integer',
    default: 500_000,
    min: 1,
    max: 2_000_000,
    help: 'Most points of telemetry in one request; a larger one is refused as a whole.',
  },
  max_import_bytes: {
    group: 'Request limits',
    type: 'integer',
    default: 1_073_741_824,
    min: 1024,
    max: 1_099_511_627_776,
    help: 'Largest file of detections or tracks that is imported, in bytes, unpacked.',
  },
  max_body_bytes: {
    group: 'Request limits',
    type: 'integer',
    default: 16_777_216,
    min: 1_024,
    max: 1_073_741_824,
    help: 'Largest request body, counted after decompression.',
  },
  max_item_bytes: {
    group: 'Request limits',
    type: 'integer',
    default: 65_536,
    min: 256,
    max: 16_777_216,
    help: 'Largest single item; a larger one is rejected alone, its neighbours are kept.',
  },
  max_depth: {
    group: 'Request limits',
    type: 'integer',
    default: 32,
    min: 2,
    max: 1_000,
    help: 'Deepest nesting of one item; a deeper one is rejected alone.',
  },
  request_timeout_ms: {
    group: 'Request limits',
    type: 'integer',
    default: 30_000,
    min: 100,
    max: 3_600_000,
    help: 'Time for one request to arrive completely.',
  },
  line_device_tags: {
    group: 'Line protocol',
    type: 'names',
    default: 'device_id,device,host',
    help: 'Tags that name the device of a line, the first that it has; a line that has none of them is rejected.',
  },
  device_items_per_second: {
    group: 'Admission',
    type: 'integer',
    default: 20,
    min: 1,
    max: 1_000_000,
    help: 'Items that one device may send in the long run.',
  },
  device_burst_items: {
    group: 'Admission',
    type: 'integer',
    default: 20_000,
    min: 1,
    max: 100_000_000,
    help: 'Items that one device may send at once when it catches up.',
  },
  items_per_second: {
    group: 'Admission',
    type: 'integer',
    default: 1_000_000,
    min: 1,
    max: 100_000_000,
    help: 'Items taken from all devices together.',
  },
  max_waiting_items: {
    group: 'Admission',
    type: 'integer',
    default: 200_000,
    min: 1,
    max: 10_000_000,
    help: 'Items that may wait for the disk; more are asked to come back later.',
  },
  shutdown_grace_ms: {
    group: 'Stopping',
    type: 'integer',
    default: 10_000,
    min: 0,
    max: 600_000,
    help: 'Time that running requests get to finish when the server is asked to stop.',
  },
} as const satisfies Record<string, KeySpec>;

/** What every row of the table tells. */
interface KeyBase {
  /** Heading under which the key is documented. */
  readonly group: string;
  /** One line for help, `pisync config` and the reference page. */
  readonly help: string;
  /** Schemes of the stores that the key is for; every store where absent. */
  readonly stores?: readonly string[];
}

/** One row of {@link configSchema}. */
export type KeySpec =
  | (KeyBase & { readonly type: 'string'; readonly default: string })
  | (KeyBase & {
      readonly type: 'integer';
      readonly default: number;
      readonly min: number;
      readonly max: number;
    })
  | (KeyBase & { readonly type: 'boolean'; readonly default: boolean })
  | (KeyBase & { readonly type: 'enum'; readonly default: string; readonly values: readonly string[] })
  /** Names, separated by commas. */
  | (KeyBase & { readonly type: 'names'; readonly default: string })
  | (KeyBase & {
      /** One URL, or any number of them, separated by commas. */
      readonly type: 'url' | 'urls';
      readonly default: string;
      /** Schemes that are accepted, each with its colon. */
      readonly schemes: readonly string[];
      /** `userinfo`: a user and password in the URL are never printed. */
      readonly secret?: 'userinfo';
    });

type Schema = typeof configSchema;

type ValueOf<Spec> = Spec extends { readonly type: 'integer' }
  ? number
  : Spec extends { readonly type: 'boolean' }
    ? boolean
    : Spec extends { readonly type: 'enum'; readonly values: readonly (infer Value)[] }
      ? Value
      : string;

/** Name of a key as a configuration file spells it. */
export type ConfigKey = keyof Schema;

/** Effective configuration: every key has a value, units are in the names. */
export type Config = { readonly [Key in ConfigKey]: ValueOf<Schema[Key]> };

/** Any value that a key can have. */
export type ConfigValue = Config[ConfigKey];

/** All keys, in the order in which they are documented. */
export const configKeys = Object.keys(configSchema) as readonly ConfigKey[];

/** What holds where nothing is configured. */
export const defaults: Config = Object.freeze(
  Object.fromEntries(configKeys.map((key) => [key, configSchema[key].default])),
) as unknown as Config;

/** The row of one key, as the general type. */
export function keySpec(key: ConfigKey): KeySpec {
  return configSchema[key];
}

/** True for a name that the table holds; safe for any text. */
export function isConfigKey(name: string): name is ConfigKey {
  return Object.hasOwn(configSchema, name);
}

/** `max_items` → `PISYNC_MAX_ITEMS`. */
export function environmentName(key: ConfigKey): string {
  return `PISYNC_${key.toUpperCase()}`;
}

/** `max_items` → `--max-items`. */
export function flagName(key: ConfigKey): string {
  return `--${key.replaceAll('_', '-')}`;
}

/** What a key accepts, in words: `an integer from 0 to 65535`. */
export function allowedValues(key: ConfigKey): string {
  const spec = keySpec(key);
  switch (spec.type) {
    case 'string':
      return 'a non-empty text';
    case 'integer':
      return `an integer from ${spec.min} to ${spec.max}`;
    case 'boolean':
      return 'true or false';
    case 'enum':
      return `one of ${spec.values.join(', ')}`;
    case 'names':
      return `1 to ${maxNames} different names, separated by commas`;
    case 'url':
      return `a URL that starts with ${spec.schemes.join(' or ')}`;
    case 'urls':
      return `URLs that start with ${spec.schemes.join(' or ')}, separated by commas`;
  }
}

/** The names of a list; undefined where it is none that a key of type `names` accepts. */
export function namesIn(text: string): readonly string[] | undefined {
  const names = text.split(',').map((name) => name.trim());
  const fits = names.length <= maxNames && new Set(names).size === names.length;
  return fits && names.every((name) => name !== '' && !/\p{Cc}/u.test(name)) ? names : undefined;
}

/** The URLs of a list, which may be empty. */
export function urlsIn(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.split(',').map((url) => url.trim());
}
