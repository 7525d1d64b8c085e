import { isDeviceId, PisyncError } from '@pisync/protocol';
import { nearestName } from '../../../core/nearest.ts';
import type { LatestRequest } from '../../../services/telemetry/telemetry-queries.ts';
import { MAX_DEVICES, MAX_METRICS } from './telemetry-parameters.ts';

/** Items of one page where nothing is said, and at most. */
export const DEFAULT_LATEST = 1000;
export const MAX_LATEST = 10_000;

/** How each member is read, and what is allowed. */
const members: Readonly<Record<string, { readonly allowed: string; fits(value: unknown): boolean }>> = {
  device_ids: {
    allowed: `an array of 1 to ${MAX_DEVICES} device ids`,
    fits: (value) => isList(value, MAX_DEVICES, isDeviceId),
  },
  device_prefix: { allowed: 'a text of 1 to 128 characters', fits: (value) => isText(value, 128) },
  metrics: {
    allowed: `an array of 1 to ${MAX_METRICS} names of metrics`,
    fits: (value) => isList(value, MAX_METRICS, (name) => isText(name, 200)),
  },
  tags: {
    allowed: 'an object of texts by name',
    fits: (value) => isObject(value) && Object.values(value).every((text) => typeof text === 'string'),
  },
  limit: {
    allowed: `an integer from 1 to ${MAX_LATEST}`,
    fits: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_LATEST,
  },
  cursor: { allowed: 'next_cursor of the previous reply', fits: (value) => isText(value, 2048) },
};

/**
 * Reads the body of a question for newest points. A member that is null counts as absent.
 *
 * @throws {PisyncError} `invalid_parameter` that names the member
 */
export function readLatestRequest(body: unknown): LatestRequest {
  if (!isObject(body)) {
    const detail = `Send an object with any of ${Object.keys(members).join(', ')}.`;
    throw new PisyncError('invalid_parameter', { detail });
  }
  for (const [name, value] of Object.entries(body)) check(name, value);
  const given = body as {
    readonly device_ids?: readonly string[] | null;
    readonly device_prefix?: string | null;
    readonly metrics?: readonly string[] | null;
    readonly tags?: Readonly<Record<string, string>> | null;
    readonly limit?: number | null;
    readonly cursor?: string | null;
  };
  return {
    deviceIds: given.device_ids ?? undefined,
    devicePrefix: given.device_prefix ?? undefined,
    metrics: given.metrics ?? undefined,
    tags: given.tags ?? undefined,
    limit: given.limit ?? DEFAULT_LATEST,
    cursor: given.cursor ?? undefined,
  };
}

function check(name: string, value: unknown): void {
  const rule = Object.hasOwn(members, name) ? members[name] : undefined;
  if (rule === undefined) {
    const names = Object.keys(members);
    const near = nearestName(name, names);
    const hint = near === undefined ? '' : `Did you mean ${near}? `;
    const detail = `No such member. ${hint}Known are ${names.join(', ')}.`;
    throw new PisyncError('invalid_parameter', { field: name.slice(0, 64), detail });
  }
  if (value !== null && !rule.fits(value))
    throw new PisyncError('invalid_parameter', { field: name, detail: `Send ${rule.allowed}.` });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown, maxLength: number): boolean {
  return typeof value === 'string' && value.length >= 1 && value.length <= maxLength;
}

function isList(value: unknown, most: number, fits: (item: string) => boolean): boolean {
  if (!Array.isArray(value) || value.length < 1 || value.length > most) return false;
  return value.every((item) => typeof item === 'string' && fits(item));
}
