import { type ItemProblem, PisyncError } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import { BatchIngest } from '../../../services/ingest/batch.ts';
import { readEnvelope } from '../../../services/ingest/envelope.ts';
import { bodyFormat, RequestBody } from '../../body.ts';
import { jsonBody, jsonReply } from '../../document/documented.ts';
import type { Exchange } from '../../exchange.ts';
import { batchReply } from '../../reply/ingest-reply.ts';
import type { Route } from '../../route.ts';

/** Takes an agent's envelope: many observations of one device. */
export const batches: Route = {
  method: 'POST',
  path: '/api/batches',
  tag: 'ingest',
  operationId: 'postBatch',
  summary: 'Send the outbox of one device',
  description: 'Identity is (device_id, epoch, seq): send the same outbox as often as you need.',
  body: jsonBody(schemas.deviceEnvelope),
  problems: [408, 413, 415, 429, 503],
  replies: {
    200: jsonReply(schemas.batchReply, 'One result for each observation; those that are stored are on disk.'),
  },
  async handle(exchange) {
    const { services, request } = exchange;
    bodyFormat(request, ['json']);
    const body = new RequestBody(request, services.maxBodyBytes, services.admission);
    try {
      await take(exchange, await body.whole());
    } finally {
      body.release();
    }
  },
};

async function take(exchange: Exchange, bytes: Buffer): Promise<void> {
  const { services } = exchange;
  services.watchdog.begin();
  const envelope = readEnvelope(bytes, services.ingest.limits);
  services.watchdog.end(exchange.route);
  if (envelope.problem !== undefined) {
    await refuse(exchange, bytes, envelope.problem);
    return;
  }
  const batch = new BatchIngest(services.ingest, 'batches', 'any');
  services.watchdog.begin();
  const added =
    'items' in envelope
      ? batch.add(envelope.items, envelope.context)
      : batch.addEnvelope(envelope.observations, envelope.context);
  services.watchdog.end(exchange.route);
  await added;
  const receipts = await batch.finish();
  exchange.json(200, batchReply(receipts, services.clock.now(), services.admission.advice()));
}

/** An envelope that cannot be read is kept for the operator as a whole, save one that is merely empty or too long. */
async function refuse(exchange: Exchange, bytes: Buffer, problem: ItemProblem): Promise<void> {
  const { code, field, detail } = problem;
  if (code !== 'empty_body' && code !== 'too_many_items') {
    await exchange.services.ingest.quarantineBody(problem, bytes, 'batches');
  }
  throw new PisyncError(code, field === null ? { detail } : { detail, field });
}
