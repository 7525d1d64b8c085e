/**
 * The one error catalogue, shared by server, agent, CLI and dashboard.
 *
 * `kind` says who has to act: `request` the sender must change what it sends, `item` one item of a request is
 * wrong while its neighbours are fine, `busy` try again later, `store` the operator must look at the store,
 * `config` the operator must change the configuration, `internal` a defect in PiSync.
 */
export const errorCatalogue = {
  // One item is wrong: reported per item, quarantined.
  invalid_item: { kind: 'item', title: 'An item is not a JSON object' },
  item_invalid_json: { kind: 'item', title: 'An item is not valid JSON' },
  invalid_line: { kind: 'item', title: 'A line is not line protocol' },
  item_too_large: { kind: 'item', title: 'An item is larger than the limit' },
  item_too_deep: { kind: 'item', title: 'An item is nested deeper than the limit' },
  missing_field: { kind: 'item', title: 'A required field is missing' },
  invalid_type: { kind: 'item', title: 'A field has the wrong type' },
  out_of_range: { kind: 'item', title: 'A number is outside its range' },
  invalid_timestamp: { kind: 'item', title: 'A timestamp is not RFC 3339 or epoch milliseconds' },
  invalid_device_id: { kind: 'item', title: 'A device id is not well formed' },
  invalid_text: { kind: 'item', title: 'A text is empty, too long or holds characters that are not allowed' },
  duplicate_field: { kind: 'item', title: 'A field is given twice' },
  unknown_kind: { kind: 'item', title: 'An observation kind that this server does not know' },
  // The request as a whole is wrong.
  invalid_json: { kind: 'request', title: 'The body is not valid JSON' },
  empty_body: { kind: 'request', title: 'The body is empty' },
  invalid_compression: { kind: 'request', title: 'The compressed body cannot be decoded' },
  unsupported_media_type: { kind: 'request', title: 'The content type is not supported' },
  unsupported_charset: { kind: 'request', title: 'The charset is not supported' },
  unsupported_encoding: { kind: 'request', title: 'The content encoding is not supported' },
  payload_too_large: { kind: 'request', title: 'The body is larger than the limit' },
  too_many_items: { kind: 'request', title: 'The body holds more items than the limit' },
  request_timeout: { kind: 'request', title: 'The request took too long to arrive' },
  unknown_field: { kind: 'request', title: 'A field that the request does not have' },
  invalid_parameter: { kind: 'request', title: 'A query parameter is not valid' },
  invalid_cursor: { kind: 'request', title: 'The cursor is not valid here' },
  bad_request: { kind: 'request', title: 'The request is malformed' },
  device_unknown: { kind: 'request', title: 'No such device' },
  series_unknown: { kind: 'request', title: 'No such series' },
  network_unknown: { kind: 'request', title: 'No such network' },
  quarantine_unknown: { kind: 'request', title: 'No such quarantined item' },
  not_replayable: { kind: 'request', title: 'The quarantined item cannot be replayed' },
  route_unknown: { kind: 'request', title: 'No such route' },
  method_not_allowed: { kind: 'request', title: 'The route does not take this method' },
  // Try again later.
  rate_limited: { kind: 'busy', title: 'Too many items for now' },
  overloaded: { kind: 'busy', title: 'The server is at its limit' },
  store_unavailable: { kind: 'busy', title: 'The store cannot take writes at the moment' },
  shutting_down: { kind: 'busy', title: 'The server is stopping' },
  // The store needs an operator.
  store_locked: { kind: 'store', title: 'Another process has the store open' },
  store_newer: { kind: 'store', title: 'The store was written by a newer version of PiSync' },
  store_damaged: { kind: 'store', title: 'The store is damaged' },
  store_closed: { kind: 'store', title: 'The store is closed' },
  store_unsafe: { kind: 'store', title: 'The store cannot promise durability' },
  // The configuration is wrong.
  invalid_config: { kind: 'config', title: 'A configuration value is not valid' },
  unknown_config_key: { kind: 'config', title: 'No such configuration key' },
  unsafe_config: { kind: 'config', title: 'The configuration would be unsafe' },
  server_unreachable: { kind: 'config', title: 'The PiSync server cannot be reached' },
  internal: { kind: 'internal', title: 'An unexpected error' },
} as const satisfies Record<string, { kind: ErrorKind; title: string }>;

/** Who has to act on an error. */
export type ErrorKind = 'item' | 'request' | 'busy' | 'store' | 'config' | 'internal';

/** Stable, documented name of an error; never renamed once released. */
export type ErrorCode = keyof typeof errorCatalogue;

/** What a {@link PisyncError} may carry besides its code. */
export interface ErrorDetails {
  /** What was wrong and how to mend it, for a person. */
  readonly detail?: string;
  /** The field that is wrong, as the sender spelled it: a path such as `observations[3].seq`. */
  readonly field?: string;
  /** Earliest sensible time for another try, in milliseconds from now. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/**
 * The only error class that crosses a port. Adapters translate driver errors into it; a programming mistake
 * stays a plain `TypeError` that nobody catches.
 */
export class PisyncError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  /** True where the same request may succeed later without a change. */
  readonly retryable: boolean;
  readonly field: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(
      details.detail ?? errorCatalogue[code].title,
      details.cause === undefined ? {} : { cause: details.cause },
    );
    this.name = 'PisyncError';
    this.code = code;
    this.kind = errorCatalogue[code].kind;
    this.retryable = this.kind === 'busy';
    this.field = details.field;
    this.retryAfterMs = details.retryAfterMs;
  }
}
