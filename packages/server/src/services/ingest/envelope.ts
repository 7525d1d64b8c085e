import {
  type DecodeContext,
  decodeEnvelope,
  type ItemProblem,
  ItemSplitter,
  parseJsonDocument,
  type RawItem,
} from '@pisync/protocol';
import type { IngestLimits } from './ingest.ts';

/** Levels that the envelope adds to the nesting of its observations. */
const ENVELOPE_DEPTH = 2;

/** An envelope whose observations can be taken one by one, or why there is none. */
export type ReadEnvelope =
  | { readonly context: DecodeContext; readonly observations: readonly unknown[]; readonly problem?: never }
  | { readonly context: DecodeContext; readonly items: readonly RawItem[]; readonly problem?: never }
  | { readonly problem: ItemProblem };

/**
 * Reads the envelope of one device.
 *
 * A sound one is parsed at once. In one that holds something unreadable (nested too deep, a key given twice, not
 * JSON) the observations are split, so that only those that are unreadable are rejected.
 */
export function readEnvelope(bytes: Uint8Array, limits: IngestLimits): ReadEnvelope {
  const { maxItems, maxDepth } = limits;
  const parsed = parseJsonDocument(bytes, { maxDepth: maxDepth + ENVELOPE_DEPTH });
  if (parsed.ok) return decode(parsed.value, maxItems, maxDepth);
  const { code, field, detail } = parsed;
  return (
    (code === 'empty_body' ? undefined : split(bytes, limits)) ?? {
      problem: { code, field, detail, deviceId: null },
    }
  );
}

function decode(value: unknown, maxItems: number, maxDepth: number): ReadEnvelope {
  const envelope = decodeEnvelope(value, { maxItems, maxDepth });
  if (!envelope.ok) return { problem: envelope.problem };
  return { context: envelope.context, observations: envelope.observations };
}

function split(bytes: Uint8Array, limits: IngestLimits): ReadEnvelope | undefined {
  const range = observationsIn(bytes);
  if (range === undefined) return undefined;
  const shell = Buffer.concat([bytes.subarray(0, range.start), Buffer.from('[]'), bytes.subarray(range.end)]);
  const parsed = parseJsonDocument(shell, { maxDepth: limits.maxDepth });
  if (!parsed.ok) return undefined;
  const envelope = decode(parsed.value, limits.maxItems, limits.maxDepth);
  if (envelope.problem !== undefined) return envelope;
  const splitter = new ItemSplitter({ ...limits, format: 'array' });
  const items = splitter.push(bytes.subarray(range.start, range.end));
  const { broken, items: rest } = splitter.end();
  if (broken !== null) {
    return { problem: { code: broken.code, field: 'observations', detail: broken.detail, deviceId: null } };
  }
  return { context: envelope.context, items: [...items, ...rest] };
}

const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;
const name = Buffer.from('"observations"');

/** Finds the array of the member `observations` of the outermost object, by its brackets alone. */
function observationsIn(bytes: Uint8Array): { start: number; end: number } | undefined {
  let depth = 0;
  let start = -1;
  let named = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      const end = endOfString(bytes, at);
      // Anything but a colon and white space after it takes the name back: so only a key of the envelope counts.
      named = name.equals(bytes.subarray(at, end));
      at = end - 1;
    } else if (byte === 91 || byte === 123) {
      if (byte === 91 && depth === 1 && named && start < 0) start = at;
      depth += 1;
      named = false;
    } else if (byte === 93 || byte === 125) {
      depth -= 1;
      if (start >= 0 && depth === 1) return { start, end: at + 1 };
    } else if (depth === 1 && byte !== COLON && byte > 32) {
      named = false;
    }
  }
  return undefined;
}

/** The place after the closing quote, or the end of the bytes. */
function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at += 1) {
    if (bytes[at] === BACKSLASH) at += 1;
    else if (bytes[at] === QUOTE) return at + 1;
  }
  return bytes.length;
}
