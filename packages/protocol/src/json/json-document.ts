import type { ErrorCode } from '../errors.ts';
import { decodeUtf8, readText } from './item-reader.ts';
import { ValueScan } from './value-scan.ts';
import { skipSpace } from './white-space.ts';

/** A JSON document, or why it is none. */
export type JsonDocument =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      /** `empty_body`, `invalid_json`, `item_too_deep` or `duplicate_field`. */
      readonly code: ErrorCode;
      readonly detail: string;
      /** For `duplicate_field`, the path of the key, such as `observations[3].seq`. */
      readonly field: string | null;
      /** What was parsed, where only a repeated key is wrong. */
      readonly value: unknown;
    };

/** One scanner for each depth that was asked for: a server asks for one or two, for ever. */
const scans = new Map<number, ValueScan>();

/**
 * Parses a body that holds one JSON value: UTF-8, nested at most `maxDepth` deep (`{}` has depth 1), no key twice in one
 * object. A byte order mark is taken. Depth is found by a scan, so hostile nesting costs no stack. Never throws.
 */
export function parseJsonDocument(bytes: Uint8Array, options: { readonly maxDepth: number }): JsonDocument {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const body = marked ? bytes.subarray(3) : bytes;
  if (skipSpace(body, 0) === body.length)
    return failed('empty_body', 'the body is empty; send a JSON object', null);
  const { text, valid } = decodeUtf8(body);
  if (!valid) return failed('invalid_json', 'the body is not valid UTF-8', null);
  const scan = scanFor(options.maxDepth);
  scan.reset();
  scan.advance(body, 0, body.length);
  const read = readText(text, scan, options.maxDepth);
  if (read.code === undefined) return { ok: true, value: read.value };
  if (read.code !== 'item_invalid_json') return failed(read.code, read.detail, read.field, read.value);
  return failed('invalid_json', `the body is not valid JSON: ${read.detail}`, null);
}

function scanFor(maxDepth: number): ValueScan {
  let scan = scans.get(maxDepth);
  if (scan === undefined) {
    scan = new ValueScan(maxDepth);
    scans.set(maxDepth, scan);
  }
  return scan;
}

function failed(code: ErrorCode, detail: string, field: string | null, value?: unknown): JsonDocument {
  return { ok: false, code, detail, field, value };
}
