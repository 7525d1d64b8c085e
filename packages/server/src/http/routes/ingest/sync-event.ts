import type { IncomingMessage } from 'node:http';
import { explainEventId, PisyncError } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import type { ItemReceipt } from '../../../services/ingest/ingest.ts';
import { bodyFormat, RequestBody } from '../../body.ts';
import { jsonBody, jsonReply } from '../../document/documented.ts';
import type { Exchange } from '../../exchange.ts';
import { singleReply } from '../../reply/ingest-reply.ts';
import type { Route } from '../../route.ts';

/** Takes one sync event. The hot path of the server: what is not needed per request is not done per request. */
export const syncEvent: Route = {
  method: 'POST',
  path: '/api/sync-event',
  tag: 'ingest',
  operationId: 'postSyncEvent',
  direct: true,
  summary: 'Send one sync event',
  description:
    'The reply says stored only once the event is on disk. Sending it again changes nothing: the reply is then duplicate. ' +
    'A rejected event (400) is kept in the quarantine; a conflict (409) means that another body has this identity.',
  headers: {
    'idempotency-key': {
      description: 'Identity of an event without seq, as event_id in the body. 1 to 200 characters.',
      schema: { type: 'string', minLength: 1, maxLength: 200 },
    },
  },
  body: jsonBody(schemas.syncEventRequest),
  problems: [408, 409, 413, 415, 429, 503],
  replies: {
    201: jsonReply(schemas.syncEventReply, 'Stored: the event, its identity and its effect are on disk.'),
    200: jsonReply(schemas.syncEventReply, 'Duplicate: it was stored before; nothing changed.'),
  },
  handle(exchange) {
    const { services, request } = exchange;
    bodyFormat(request, ['json']);
    const eventId = idempotencyKey(request);
    const body = new RequestBody(request, services.ingest.limits.maxItemBytes, services.admission);
    body.read((error, bytes) => {
      body.release();
      if (bytes === undefined) exchange.fail(error);
      else take(exchange, bytes, eventId);
    });
  },
};

function take(exchange: Exchange, bytes: Buffer, eventId: string | undefined): void {
  const { services } = exchange;
  services.watchdog.begin();
  const receipt = services.ingest.one(bytes, eventId);
  services.watchdog.end(exchange.route);
  receipt.then(
    (found) => answer(exchange, found),
    (error: unknown) => exchange.fail(error),
  );
}

function answer(exchange: Exchange, { result, observation, problem }: ItemReceipt): void {
  const { services } = exchange;
  if (observation === null) {
    const code = problem?.code ?? 'internal';
    exchange.problem(code, {
      detail: problem?.detail,
      field: problem?.field,
      device_id: problem?.deviceId ?? undefined,
    });
    return;
  }
  const now = services.clock.now();
  const advice = services.admission.advice();
  if (result === 'conflict') {
    exchange.problem('conflict', {
      detail:
        'Another body was stored under this identity. The first one stays; send a new event under a new identity.',
      device_id: observation.deviceId,
      server_time: new Date(now).toISOString(),
      next_sync_after_ms: advice,
    });
    return;
  }
  const text = singleReply(result, observation, now, advice);
  exchange.asciiJson(result === 'stored' ? 201 : 200, text);
}

/** @throws {PisyncError} `invalid_text` for a key that is no event id */
function idempotencyKey(request: IncomingMessage): string | undefined {
  const header = request.headers['idempotency-key'];
  if (typeof header !== 'string') return undefined;
  // The header's draft writes a structured string, in quotes; most clients send the bare key.
  const key = /^".*"$/.test(header) ? header.slice(1, -1) : header;
  const fault = explainEventId(key);
  if (fault === undefined) return key;
  throw new PisyncError('invalid_text', {
    field: 'idempotency-key',
    detail: `The Idempotency-Key ${fault}.`,
  });
}
