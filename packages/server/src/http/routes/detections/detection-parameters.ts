import {
  type DetectionType,
  detectionTypes,
  explainDeviceId,
  isDeviceId,
  PisyncError,
  parseCellIdentity,
  parseMacAddress,
  securityNames,
} from '@pisync/protocol';
import type { DetectionFilter, NetworkFilter } from '../../../ports/detection-store.ts';
import { moment, oneOf, type QueryRule, type QueryValues, text } from '../../parameters.ts';
import { boxRule, decimal, MAX_RADIUS, placeRule } from './place-parameters.ts';

/** Devices that one question may name. */
const MAX_DEVICES = 1000;

const types: QueryRule<readonly DetectionType[] | undefined> = {
  description: `Only these types, separated by commas: ${detectionTypes.join(', ')}.`,
  schema: { type: 'string' },
  fallback: undefined,
  read(given) {
    const named = [...new Set(given.split(',').map((name) => name.trim()))];
    const known = detectionTypes.filter((type) => named.includes(type));
    return known.length === named.length
      ? { value: known }
      : { allowed: `types of ${detectionTypes.join(', ')}, separated by commas` };
  },
};

const deviceIds: QueryRule<readonly string[] | undefined> = {
  description: `Only what these devices heard, separated by commas; at most ${MAX_DEVICES}.`,
  schema: { type: 'string' },
  fallback: undefined,
  read(given) {
    const ids = [...new Set(given.split(',').map((id) => id.trim()))];
    return ids.length <= MAX_DEVICES && ids.every(isDeviceId)
      ? { value: ids }
      : { allowed: `1 to ${MAX_DEVICES} device ids, separated by commas` };
  },
};

const identity: QueryRule<string | undefined> = {
  description: 'Only this address or cell: 00:1A:2B:3C:4D:5E in any usual spelling, or MCC-MNC-AREA-CELL.',
  schema: { type: 'string' },
  fallback: undefined,
  read(given) {
    const value = parseMacAddress(given) ?? parseCellIdentity(given);
    return value === undefined
      ? { allowed: 'an address such as 00:1A:2B:3C:4D:5E, or a cell such as 310-260-42081-7711' }
      : { value };
  },
};

const security = oneOf(securityNames, undefined, 'Only networks that have this among their security.');
const signal = { min: -200, max: 0, fallback: undefined } as const;
const minSignal = decimal(signal, 'Only with a signal of this many dBm or more, such as -70.');

/** Conditions on detections, wherever they are asked for. The box is apart: maps need one. */
export const detectionFilters = {
  near: placeRule('Only within radius of this place.'),
  radius: decimal({ min: 0, max: MAX_RADIUS, fallback: undefined }, 'Metres around near.'),
  from: moment('Only at or after this time.'),
  to: moment('Only before this time.'),
  type: types,
  security,
  min_signal: minSignal,
  max_signal: decimal(signal, 'Only with a signal of this many dBm or less.'),
  device_id: deviceIds,
  identity,
  name: text(512, 'Only with exactly this name.'),
  search: text(512, 'Only names that contain this text, whatever its case.'),
};

/** Where detections lie, where it may be left open. */
export const optionalBox = boxRule('Only with a position in this rectangle.');

/** The filter that the parameters of {@link detectionFilters} mean. @throws {PisyncError} `invalid_parameter` */
export function detectionFilter(
  values: QueryValues<typeof detectionFilters> & { readonly box?: DetectionFilter['box'] },
): DetectionFilter {
  const { near, radius, type, min_signal: least, max_signal: most, device_id: devices } = values;
  if ((near === undefined) !== (radius === undefined)) {
    const [missing, given] = near === undefined ? ['near', 'radius'] : ['radius', 'near'];
    throw invalid(missing, `Is missing beside ${given}; a circle needs both.`);
  }
  checkOrder('from', values.from, 'to', values.to);
  checkOrder('min_signal', least, 'max_signal', most);
  return {
    box: values.box,
    around: near === undefined || radius === undefined ? undefined : { ...near, radius },
    from: values.from,
    to: values.to,
    types: type,
    security: values.security,
    minSignal: least,
    maxSignal: most,
    deviceIds: devices,
    identity: values.identity,
    name: values.name,
    search: values.search,
  };
}

/** Conditions on networks. */
export const networkFilters = {
  type: types,
  security,
  min_signal: decimal(signal, 'Only those whose strongest signal is this many dBm or more.'),
  name: text(512, 'Only with exactly this name now.'),
  search: text(512, 'Only with this text in the name or the identity, whatever its case.'),
  first_seen_from: moment('Only those seen first at or after this time.'),
  last_seen_from: moment('Only those seen last at or after this time.'),
};

/** Where networks lie, where it may be left open. */
export const optionalNetworkBox = boxRule('Only with an estimated position in this rectangle.');

/** The filter that the parameters of {@link networkFilters} mean. */
export function networkFilter(
  values: QueryValues<typeof networkFilters> & { readonly box?: NetworkFilter['box'] },
): NetworkFilter {
  return {
    box: values.box,
    types: values.type,
    security: values.security,
    minSignal: values.min_signal,
    name: values.name,
    search: values.search,
    firstSeenFrom: values.first_seen_from,
    lastSeenFrom: values.last_seen_from,
  };
}

/** A question that nothing can meet is a mistake, which an empty answer would hide. */
export function checkOrder(
  low: string,
  least: number | undefined,
  high: string,
  most: number | undefined,
): void {
  if (least !== undefined && most !== undefined && least > most) {
    throw invalid(high, `Is under ${low}; nothing can lie between them.`);
  }
}

export function invalid(field: string, detail: string): PisyncError {
  return new PisyncError('invalid_parameter', { field, detail });
}

/** The one device that a route is about. */
export const oneDevice: QueryRule<string> = {
  description: 'The device.',
  schema: { type: 'string', minLength: 1, maxLength: 128 },
  fallback: '',
  example: 'piwardrive-0001',
  read: (given) =>
    isDeviceId(given) ? { value: given } : { allowed: `another id: it ${explainDeviceId(given)}` },
};
