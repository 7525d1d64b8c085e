import { PisyncError } from '@pisync/protocol';
import type { PolicyView } from '../../../../ports/store-admin.ts';
import { textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';

/** What a policy may be. */
type Kind =
  | { readonly kind: 'days'; readonly least: number }
  | { readonly kind: 'count'; readonly most: number }
  | { readonly kind: 'fixed' };

interface Declared {
  readonly default: string;
  readonly rule: Kind;
  readonly help: string;
}

const MOST_DAYS = 36_500;

const declared = {
  partitions_ahead: {
    default: '2',
    rule: { kind: 'count', most: 24 },
    help: 'months for which partitions of sync events and detections are made before they begin',
  },
  events_partition: {
    default: 'month',
    rule: { kind: 'fixed' },
    help: 'what a partition of sync events, and one of detections, holds',
  },
  events_retention: {
    default: 'off',
    rule: { kind: 'days', least: 31 },
    help: 'days after which a partition of sync events is dropped; numbers of failures and identities stay',
  },
  telemetry_partition: {
    default: 'day',
    rule: { kind: 'fixed' },
    help: 'what a partition of telemetry holds; it is made when the first point of the day comes',
  },
  telemetry_seal_after: {
    default: '7',
    rule: { kind: 'days', least: 1 },
    help: 'days after which telemetry is packed into blocks',
  },
  telemetry_retention: {
    default: 'off',
    rule: { kind: 'days', least: 2 },
    help: 'days after which telemetry is dropped',
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

/** What is declared of a store, with the defaults of what nobody changed. */
export async function storedPolicies(session: Session): Promise<PolicyValues> {
  const rows = await session.query<{ name: string; value: string }>('SELECT name, value FROM policy');
  const values = Object.fromEntries(names.map((name) => [name, declared[name].default])) as Record<
    PolicyName,
    string
  >;
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
): Promise<void> {
  const kept = [...values].filter(([name, value]) => value !== declared[name].default);
  await session.query('DELETE FROM policy WHERE name = ANY ($1::text[])', [textArray(values.keys())]);
  await session.query('INSERT INTO policy (name, value) SELECT * FROM unnest($1::text[], $2::text[])', [
    textArray(kept.map(([name]) => name)),
    textArray(kept.map(([, value]) => value)),
  ]);
}

/** @throws {PisyncError} `invalid_config` for a name or a value that there is not */
export function parsePolicies(values: ReadonlyMap<string, string>): ReadonlyMap<PolicyName, string> {
  const parsed = new Map<PolicyName, string>();
  for (const [name, value] of values) {
    if (!isName(name)) {
      throw new PisyncError('invalid_config', {
        field: name,
        detail: `There is no policy "${name}". There are: ${names.join(', ')}.`,
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

export function policyViews(values: PolicyValues): readonly PolicyView[] {
  return names.map((name) => {
    const { default: usual, help } = declared[name];
    return { name, value: values[name], default: usual, allowed: allowed(declared[name]), help };
  });
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
  if (rule.kind === 'fixed') return usual;
  if (rule.kind === 'count') return `1 to ${rule.most}`;
  return `${rule.least} to ${MOST_DAYS} days, or off`;
}
