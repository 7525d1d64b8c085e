import { PisyncError } from '@pisync/protocol';
import type { PolicyView } from '../../../../ports/store-admin.ts';
import { textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import type { LayoutKind } from './layout/layout.ts';

/** What a policy may be. */
type Kind =
  | { readonly kind: 'days'; readonly least: number }
  | { readonly kind: 'count'; readonly most: number }
  | { readonly kind: 'fixed' };

interface Declared {
  /** For a store in either layout, or in each. */
  readonly default: string | Readonly<Record<LayoutKind, string>>;
  readonly rule: Kind;
  /** For a store in either layout, or in each; none where it means nothing there. */
  readonly help: string | Readonly<Partial<Record<LayoutKind, string>>>;
}

const MOST_DAYS = 36_500;

const declared = {
  partitions_ahead: {
    default: '2',
    rule: { kind: 'count', most: 24 },
    help: {
      partitions: 'months for which partitions of sync events and detections are made before they begin',
    },
  },
  events_partition: {
    default: 'month',
    rule: { kind: 'fixed' },
    help: {
      partitions: 'what a partition of sync events, and one of detections, holds',
      hypertables: 'what a chunk of sync events, and one of detections, holds: 30 days',
    },
  },
  events_retention: {
    default: 'off',
    rule: { kind: 'days', least: 31 },
    help: {
      partitions:
        'days after which a partition of sync events is dropped; numbers of failures and identities stay',
      hypertables:
        'days after which a chunk of sync events is dropped; numbers of failures and identities stay',
    },
  },
  telemetry_partition: {
    default: 'day',
    rule: { kind: 'fixed' },
    help: {
      partitions: 'what a partition of telemetry holds; it is made when the first point of the day comes',
      hypertables: 'what a chunk of telemetry holds',
    },
  },
  telemetry_seal_after: {
    // Blocks take late points at little cost, and answer five times as fast as rows; a chunk is unpacked for them.
    default: { partitions: '1', hypertables: '7' },
    rule: { kind: 'days', least: 1 },
    help: {
      partitions: 'days after which telemetry is packed into blocks',
      hypertables: 'days after which telemetry is packed into the columnstore',
    },
  },
  telemetry_retention: {
    default: 'off',
    rule: { kind: 'days', least: 2 },
    help: 'days after which telemetry is dropped',
  },
  telemetry_sums: {
    default: 'hour, day',
    rule: { kind: 'fixed' },
    help: { hypertables: 'continuous aggregates of telemetry: telemetry_hour and telemetry_day' },
  },
  detections_retention: {
    default: 'off',
    rule: { kind: 'days', least: 2 },
    help: 'days after which detections are dropped; networks and identities stay',
  },
} as const satisfies Readonly<Record<string, Declared>>;

export type PolicyName = keyof typeof declared;

const names = Object.keys(declared) as readonly PolicyName[];

/** Values of all policies, as they are written. */
export type PolicyValues = Readonly<Record<PolicyName, string>>;

function defaultOf(name: PolicyName, layout: LayoutKind): string {
  const usual: Declared['default'] = declared[name].default;
  return typeof usual === 'string' ? usual : usual[layout];
}

/** What is declared where nobody changed anything. */
export function defaultPolicies(layout: LayoutKind): PolicyValues {
  return Object.fromEntries(names.map((name) => [name, defaultOf(name, layout)])) as Record<
    PolicyName,
    string
  >;
}

/** What is declared of a store, with the defaults of what nobody changed. */
export async function storedPolicies(session: Session, layout: LayoutKind): Promise<PolicyValues> {
  const rows = await session.query<{ name: string; value: string }>('SELECT name, value FROM policy');
  const values: Record<PolicyName, string> = { ...defaultPolicies(layout) };
  for (const { name, value } of rows) if (isName(name)) values[name] = value;
  return values;
}

/** Days of a policy; null where it is off. */
export function daysOf(values: PolicyValues, name: PolicyName): number | null {
  return values[name] === 'off' ? null : Number(values[name]);
}

/** Replaces values; those equal to the default are forgotten, so that they follow it. */
export async function writePolicies(
  session: Session,
  values: ReadonlyMap<PolicyName, string>,
  layout: LayoutKind,
): Promise<void> {
  const kept = [...values].filter(([name, value]) => value !== defaultOf(name, layout));
  await session.query('DELETE FROM policy WHERE name = ANY ($1::text[])', [textArray(values.keys())]);
  await session.query('INSERT INTO policy (name, value) SELECT * FROM unnest($1::text[], $2::text[])', [
    textArray(kept.map(([name]) => name)),
    textArray(kept.map(([, value]) => value)),
  ]);
}

/** @throws {PisyncError} `invalid_config` for a name or a value that there is not in a layout */
export function parsePolicies(
  values: ReadonlyMap<string, string>,
  layout: LayoutKind,
): ReadonlyMap<PolicyName, string> {
  const parsed = new Map<PolicyName, string>();
  for (const [name, value] of values) {
    if (!isName(name) || helpOf(name, layout) === undefined) {
      const there = names.filter((one) => helpOf(one, layout) !== undefined);
      throw new PisyncError('invalid_config', {
        field: name,
        detail: `There is no policy "${name}" of a store in ${layout}. There are: ${there.join(', ')}.`,
      });
    }
    if (!fits(declared[name], value)) {
      throw new PisyncError('invalid_config', {
        field: name,
        detail: `"${value}" is no value of ${name}. Write ${allowed(declared[name])}.`,
      });
    }
    parsed.set(name, value);
  }
  return parsed;
}

/** @param notes - what else is to be told of a policy */
export function policyViews(
  values: PolicyValues,
  layout: LayoutKind,
  notes: ReadonlyMap<PolicyName, string> = new Map(),
): readonly PolicyView[] {
  return names.flatMap((name) => {
    const help = helpOf(name, layout);
    if (help === undefined) return [];
    const note = notes.get(name);
    return [
      {
        name,
        value: values[name],
        default: defaultOf(name, layout),
        allowed: allowed(declared[name]),
        help: note === undefined ? help : `${help} (${note})`,
      },
    ];
  });
}

function helpOf(name: PolicyName, layout: LayoutKind): string | undefined {
  const { help }: Declared = declared[name];
  return typeof help === 'string' ? help : help[layout];
}

function isName(text: string): text is PolicyName {
  return Object.hasOwn(declared, text);
}

function fits({ default: usual, rule }: Declared, value: string): boolean {
  if (rule.kind === 'fixed') return value === usual;
  if (rule.kind === 'days' && value === 'off') return true;
  const number = /^[1-9]\d{0,5}$/.test(value) ? Number(value) : 0;
  return rule.kind === 'days'
    ? number >= rule.least && number <= MOST_DAYS
    : number >= 1 && number <= rule.most;
}

function allowed({ default: usual, rule }: Declared): string {
  if (rule.kind === 'fixed') return String(usual);
  if (rule.kind === 'count') return `1 to ${rule.most}`;
  return `${rule.least} to ${MOST_DAYS} days, or off`;
}
