import { PisyncError, parseJsonDocument } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import { bodyFormat, RequestBody } from '../../body.ts';
import { jsonBody, jsonReply } from '../../document/documented.ts';
import type { Exchange } from '../../exchange.ts';
import type { Route } from '../../route.ts';
import { readLatestRequest } from './latest-request.ts';

/** 1,000 ids of 128 characters, and room for the rest. */
const MAX_BODY_BYTES = 256 * 1024;

/** The newest points, asked for by a body. */
export const postLatest: Route = {
  method: 'POST',
  path: '/api/telemetry/latest',
  tag: 'telemetry',
  operationId: 'findLatestTelemetry',
  summary: 'Newest points, for lists too long for a URL',
  description: 'The question of GET in a body. It changes nothing, and may be sent again.',
  body: jsonBody(schemas.latestRequest),
  problems: [408, 413, 415, 503],
  replies: { 200: jsonReply(schemas.latestPage, 'One page of newest points; none for a device never seen.') },
  async handle(exchange) {
    const request = readLatestRequest(await bodyOf(exchange));
    exchange.read(await exchange.services.telemetryQueries.latest(request));
  },
};

async function bodyOf({ services, request }: Exchange): Promise<unknown> {
  bodyFormat(request, ['json']);
  const body = new RequestBody(request, MAX_BODY_BYTES, services.admission);
  try {
    const parsed = parseJsonDocument(await body.whole(), { maxDepth: services.ingest.limits.maxDepth });
    if (parsed.ok) return parsed.value;
    const { code, detail, field } = parsed;
    throw new PisyncError(code, field === null ? { detail } : { detail, field });
  } finally {
    body.release();
  }
}
