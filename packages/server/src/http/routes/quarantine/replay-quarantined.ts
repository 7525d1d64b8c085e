import { formatTimestamp, PisyncError, parseJsonDocument } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import { bodyFormat, RequestBody } from '../../body.ts';
import { jsonBody, jsonReply } from '../../document/documented.ts';
import type { Exchange } from '../../exchange.ts';
import type { Route } from '../../route.ts';
import { quarantineId, readQuarantineId } from './quarantine-id.ts';

/** Gives a rejected item another try, as it was sent or corrected. */
export const replayQuarantined: Route = {
  method: 'POST',
  path: '/api/quarantine/:id/replay',
  tag: 'quarantine',
  operationId: 'replayQuarantined',
  summary: 'Try a rejected item again, corrected or as it is',
  description:
    'It is stored the way it would have gone at first, as of its first receipt: a sync event, a detection, telemetry or a line of line ' +
    'protocol. An item that is still wrong (400), contradicts a stored one or cannot be tried (409) stays in the quarantine.',
  pathParameters: quarantineId,
  body: { ...jsonBody(schemas.replayRequest), required: false },
  problems: [404, 408, 409, 413, 415, 429, 503],
  replies: {
    200: jsonReply(schemas.replayReply, 'The item is stored now (or was before), and left the quarantine.'),
  },
  async handle(exchange) {
    const { services } = exchange;
    const id = readQuarantineId(exchange);
    const receipt = await services.quarantine.replay(id, await correctedItem(exchange));
    const { kind, result, deviceId, timestamp, clockQuality, syncStatus, points } = receipt;
    const reply = {
      kind,
      result,
      device_id: deviceId,
      timestamp: timestamp === null ? undefined : formatTimestamp(timestamp),
      clock_quality: clockQuality ?? undefined,
      sync_status: syncStatus ?? undefined,
      points: points ?? undefined,
      server_time: formatTimestamp(services.clock.now()),
    };
    exchange.json(200, JSON.stringify(reply));
  },
};

/** The `item` of the body; undefined where there is no body. */
async function correctedItem(exchange: Exchange): Promise<unknown> {
  const { services, request } = exchange;
  const { maxItemBytes, maxDepth } = services.ingest.limits;
  const { 'content-length': length, 'transfer-encoding': transfer } = request.headers;
  if (transfer === undefined && (length === undefined || length === '0')) return undefined;
  bodyFormat(request, ['json']);
  const body = new RequestBody(request, maxItemBytes, services.admission);
  try {
    const parsed = parseJsonDocument(await body.whole(), { maxDepth: maxDepth + 1 });
    if (!parsed.ok) throw refusal(parsed.code, parsed.detail, parsed.field);
    const { value } = parsed;
    const shaped = typeof value === 'object' && value !== null && !Array.isArray(value);
    const names = shaped ? Object.keys(value) : [];
    if (names.length === 0 && shaped) return undefined;
    if (names.length === 1 && names[0] === 'item') return (value as { item: unknown }).item;
    throw refusal(
      'invalid_item',
      'Send {"item": …} with the corrected item, or no body to try it as it is.',
      'item',
    );
  } finally {
    body.release();
  }
}

function refusal(
  code: ConstructorParameters<typeof PisyncError>[0],
  detail: string,
  field: string | null,
): PisyncError {
  return new PisyncError(code, field === null ? { detail } : { detail, field });
}
