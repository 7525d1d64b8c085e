import {
  type DecodeContext,
  decodeCountedTelemetry,
  decodeDetection,
  decodeSyncEvent,
  decodeTelemetry,
  type ItemProblem,
  isDeviceId,
  type KnownSeries,
  LineProtocolDecoder,
  linePrecision,
  type Observation,
  type ObservedDetection,
  PisyncError,
  type PointBatch,
  parseJsonDocument,
  readableDeviceId,
} from '@pisync/protocol';
import { importDetection } from '../../import/import-detection.ts';
import type { QuarantinedItem } from '../../ports/store.ts';
import { BatchGroup } from './batch-group.ts';
import { importSource } from './imports.ts';
import { type IngestLimits, observe, observeDetection } from './ingest.ts';
import { lineSource } from './rejection.ts';

/** Points of one line; more than its bytes can name. */
const maxLinePoints = 65_536;

/** A rejected item that was read at last. What comes as JSON stands in a group of its own; a line is a batch. */
export type Replay =
  | { readonly kind: 'sync_event'; readonly group: BatchGroup; readonly observation: Observation }
  | { readonly kind: 'detection'; readonly group: BatchGroup; readonly observation: ObservedDetection }
  | {
      readonly kind: 'telemetry';
      readonly group: BatchGroup;
      readonly deviceId: string;
      readonly points: number;
    }
  | {
      readonly kind: 'telemetry';
      readonly lines: PointBatch;
      readonly deviceId: string;
      readonly points: number;
    };

/** What reading an item again takes. */
interface ReplayRules {
  readonly limits: IngestLimits;
  readonly known: KnownSeries;
}

/**
 * Reads a rejected item again, as what it is by its source and by its `kind`, as of its first receipt.
 *
 * @param corrected - what stands in its place; undefined to read the item as it was sent
 * @throws {PisyncError} `not_replayable` where it is no single item or not all of it is known, or what is still wrong with it
 */
export function readAgain(item: QuarantinedItem, corrected: unknown, rules: ReplayRules): Replay {
  refuseWholeBody(item);
  const asSent = corrected === undefined;
  if (asSent && item.truncated) {
    throw refused('Only the start of this item was kept. Replay it with the corrected item in the body.');
  }
  const { limits } = rules;
  const line = sourceOf(item) === lineSource;
  const replay = line
    ? readLine(item, asSent ? item.raw : corrected, rules)
    : readItem(item, asSent ? parsed(item, limits.maxDepth) : corrected, limits);
  // Only one that was refused for whom it names can be sound by itself.
  if (asSent && item.code === 'invalid_device_id') {
    throw refused(
      'It names another device than the one that sent it. Replay it with the corrected item in the body.',
    );
  }
  return replay;
}

function refused(detail: string): PisyncError {
  return new PisyncError('not_replayable', { detail });
}

function failed({ code, field, detail }: Omit<ItemProblem, 'deviceId'>, more = ''): PisyncError {
  return new PisyncError(code, field === null ? { detail: detail + more } : { detail: detail + more, field });
}

function sourceOf({ source }: QuarantinedItem): string {
  return source.split(' ')[0] as string;
}

/** An envelope that could not be read holds many items: one in its place would lose the others. */
function refuseWholeBody({ source, raw }: QuarantinedItem): void {
  if (source !== 'batches' || !/^\s*\{[^{[]*"observations"\s*:/.test(raw)) return;
  throw refused(
    'This is a whole body of POST /api/batches. Send it again by that route, corrected, and discard it here.',
  );
}

const fileAdvice =
  'This is a row of a file: import the file again with the row corrected (its other rows are duplicates then), or replay it ' +
  'with the corrected detection, as JSON, in the body';

function parsed(item: QuarantinedItem, maxDepth: number): unknown {
  const document = parseJsonDocument(Buffer.from(item.raw, 'utf8'), { maxDepth });
  if (document.ok) return document.value;
  if (item.source === importSource) throw refused(`${fileAdvice}.`);
  throw failed(document, '. Replay it with the corrected item in the body.');
}

function readItem(item: QuarantinedItem, value: unknown, limits: IngestLimits): Replay {
  const fromFile = item.source === importSource;
  const context: DecodeContext = {
    maxDepth: limits.maxDepth,
    ...(fromFile && item.deviceId !== null && isDeviceId(item.deviceId) ? { deviceId: item.deviceId } : {}),
  };
  const kind = kindOf(item, value);
  try {
    if (kind === 'detection') return readDetection(item, value, context, limits);
    if (kind === 'telemetry') return readTelemetry(item, value, context);
    return readEvent(item, value, context, limits);
  } catch (error) {
    if (!fromFile || !(error instanceof PisyncError)) throw error;
    const { code, message, field } = error;
    throw failed({ code, detail: `${message}. ${fileAdvice}.`, field: field ?? null });
  }
}

/** What an item is: what its route takes, or what it says itself where the route takes any. */
function kindOf({ source }: QuarantinedItem, value: unknown): unknown {
  if (source === 'detections') return 'detection';
  if (source === 'telemetry') return 'telemetry';
  if (source !== 'batches' && source !== importSource) return 'sync_event';
  const told = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined;
  return told ?? (source === importSource ? 'detection' : 'sync_event');
}

/** An item without any identity would be a new fact at every replay: the quarantine's id becomes its identity. */
function identified<Item extends Pick<Observation, 'seq' | 'eventId' | 'deviceTime'>>(
  item: Item,
  id: number,
): Item {
  const nameless = item.seq === null && item.eventId === null && item.deviceTime === null;
  return nameless ? { ...item, eventId: `quarantine-${id}` } : item;
}

function readEvent(
  item: QuarantinedItem,
  value: unknown,
  context: DecodeContext,
  limits: IngestLimits,
): Replay {
  const decoded = decodeSyncEvent(value, context);
  if (!decoded.ok) throw failed(decoded.problem);
  const observation = observe(identified(decoded.event, item.id), item.receivedAt, limits.maxBacklogMs);
  const group = new BatchGroup();
  group.keepEvent(observation);
  return { kind: 'sync_event', group, observation };
}

function readDetection(
  item: QuarantinedItem,
  value: unknown,
  context: DecodeContext,
  limits: IngestLimits,
): Replay {
  const detection = item.source === importSource ? imported(value, context) : decoded(value, context);
  const observation = observeDetection(identified(detection, item.id), item.receivedAt, limits.maxBacklogMs);
  const group = new BatchGroup();
  group.keepDetection(observation);
  return { kind: 'detection', group, observation };
}

function decoded(value: unknown, context: DecodeContext) {
  const result = decodeDetection(value, context);
  if (!result.ok) throw failed(result.problem);
  return result.detection;
}

/** As the import reads it, so that importing the corrected file afterwards finds a duplicate. */
function imported(value: unknown, { deviceId }: DecodeContext) {
  const result = importDetection(1, value, () => '', deviceId);
  if ('problem' in result) throw failed(result.problem);
  return (result as Extract<typeof result, { detection: unknown }>).detection;
}

function readTelemetry(item: QuarantinedItem, value: unknown, context: DecodeContext): Replay {
  const group = new BatchGroup();
  const { points } = group;
  const defaultTime = item.receivedAt * 1000;
  if (item.source === 'batches') {
    const result = decodeCountedTelemetry(value, context, defaultTime, points);
    if (!result.ok) throw failed(result.problem);
    group.keepTelemetry(result.observation);
    return { kind: 'telemetry', group, deviceId: result.observation.deviceId, points: points.count };
  }
  // Its own route takes no counters.
  const problem = decodeTelemetry(value, { deviceId: context.deviceId, defaultTime }, points);
  if (problem !== undefined) throw failed(problem);
  const deviceId = readableDeviceId(value) ?? (context.deviceId as string);
  group.keepTelemetry({ deviceId, counter: null, sentAt: null, from: 0, to: points.count });
  return { kind: 'telemetry', group, deviceId, points: points.count };
}

function readLine(item: QuarantinedItem, text: unknown, { limits, known }: ReplayRules): Replay {
  if (typeof text !== 'string') {
    const detail = 'This is a line of line protocol: send {"item": "…"} with the corrected line as a text.';
    throw new PisyncError('invalid_item', { detail, field: 'item' });
  }
  const decoder = new LineProtocolDecoder({
    known,
    precision: linePrecision(item.source.split(' ')[1] ?? 'ns') ?? 'ns',
    defaultTime: item.receivedAt * 1000,
    maxLineBytes: limits.maxItemBytes,
    maxPoints: maxLinePoints,
  });
  decoder.push(Buffer.from(text, 'utf8'));
  const { batch, errors, lines } = decoder.end();
  const [problem] = errors;
  if (problem !== undefined) throw failed(problem);
  if (lines !== 1) {
    const detail = `The text holds ${lines} lines with points; send the one that takes the place of the rejected one.`;
    throw new PisyncError('invalid_item', { detail, field: 'item' });
  }
  const deviceId = batch.series[0]?.deviceId as string;
  return { kind: 'telemetry', lines: batch, deviceId, points: batch.count };
}
