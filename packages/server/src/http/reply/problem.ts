import { type ErrorCode, errorCatalogue } from '@pisync/protocol';

/** Media type of every error reply (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json';

/** Code of a problem: the catalogue's, or the conflict of one item, which is an outcome and no error of the server. */
export type ProblemCode = ErrorCode | 'conflict';

/** Statuses of request errors that are not 400. Retryable are 429 and 503 only. */
const statusByCode: Partial<Record<ProblemCode, number>> = {
  conflict: 409,
  unsupported_media_type: 415,
  unsupported_charset: 415,
  unsupported_encoding: 415,
  payload_too_large: 413,
  too_many_items: 413,
  request_timeout: 408,
  device_unknown: 404,
  series_unknown: 404,
  network_unknown: 404,
  quarantine_unknown: 404,
  route_unknown: 404,
  method_not_allowed: 405,
  not_replayable: 409,
  rate_limited: 429,
  overloaded: 503,
  store_unavailable: 503,
  store_closed: 503,
  shutting_down: 503,
};

/** The one table that turns an error code into an HTTP status. */
export function statusOf(code: ProblemCode): number {
  const status = statusByCode[code];
  if (status !== undefined) return status;
  if (code === 'conflict') return 409;
  const { kind } = errorCatalogue[code];
  return kind === 'item' || kind === 'request' ? 400 : 500;
}

/** Members of a problem document besides `type`, `title`, `status` and `code`. */
export interface ProblemMembers {
  readonly detail?: string | undefined;
  readonly field?: string | null | undefined;
  readonly [member: string]: unknown;
}

/** Text of a problem document. Undefined members and a null `field` are left out. */
export function problemText(code: ProblemCode, members: ProblemMembers = {}): string {
  const title =
    code === 'conflict' ? 'Another body was stored under this identity' : errorCatalogue[code].title;
  const { detail, field, ...rest } = members;
  return JSON.stringify({
    type: `urn:pisync:error:${code}`,
    title,
    status: statusOf(code),
    code,
    detail,
    field: field ?? undefined,
    ...rest,
  });
}
