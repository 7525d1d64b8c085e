import { PisyncError } from '@pisync/protocol';

/** What the driver and the server say of an error. */
interface DriverError extends Error {
  /** SQLSTATE, or an error code of the network. */
  readonly code?: string;
}

/** How long a caller should wait before it tries again, in milliseconds. */
const RETRY_MS = 1_000;

/** SQLSTATE classes after which the connection is gone or may not be used: connection exception, operator intervention. */
const LOST = /^(08|57P0)/;
const LOST_NETWORK = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EAI_AGAIN',
]);

/**
 * True where an error says that the connection failed, so that the outcome of what ran on it is not known.
 * Source of the codes: PostgreSQL manual, appendix A.
 */
export function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, message } = error as DriverError;
  if (code !== undefined) return LOST.test(code) || LOST_NETWORK.has(code) || code === '25P03';
  return /Connection terminated|Client has encountered a connection error|not queryable|timeout expired|Connection ended|Query read timeout/i.test(
    message,
  );
}

/** What the driver says when no connection of a pool became free in time. */
const NO_FREE_CONNECTION = 'timeout exceeded when trying to connect';

/** True where the server is there but cannot take this at the moment: full, locked, standing by, starting. */
function isBusy(code: string): boolean {
  // 53: insufficient resources; 55P03: lock not available; 57014: cancelled by a timeout; 40: rolled back; 25006: read only.
  return /^(53|40|58)/.test(code) || code === '55P03' || code === '57014' || code === '25006';
}

/** Translates what a driver threw; programming mistakes come back as they are. */
export function toPisyncError(error: unknown): unknown {
  if (error instanceof PisyncError || !(error instanceof Error)) return error;
  const { code } = error as DriverError;
  if (error.message === NO_FREE_CONNECTION) {
    return new PisyncError('store_unavailable', {
      detail:
        'All connections to the database are busy; store_query_connections and store_report_connections allow more.',
      retryAfterMs: RETRY_MS,
      cause: error,
    });
  }
  const busy = code !== undefined && isBusy(code);
  if (!busy && !isLostConnection(error)) return error;
  return new PisyncError('store_unavailable', {
    detail: `The database does not answer as it should: ${error.message}.`,
    retryAfterMs: RETRY_MS,
    cause: error,
  });
}
