import { type Broken, ItemSplitter, PisyncError, type RawItem } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import { BatchIngest } from '../../../services/batch.ts';
import { bodyFormat, RequestBody } from '../../body.ts';
import { batchBody, jsonReply, problemReply } from '../../document/documented.ts';
import { type Exchange, RequestAborted } from '../../exchange.ts';
import { batchReply } from '../../reply/ingest-reply.ts';
import type { Route } from '../../route.ts';

/** Takes a batch of sync events, committing while it arrives. */
export const syncEvents: Route = {
  method: 'POST',
  path: '/api/sync-events',
  tag: 'ingest',
  operationId: 'postSyncEvents',
  summary: 'Send many sync events',
  description:
    'A JSON array or NDJSON, gzip or zstd if you like. One bad item never harms its neighbours: every item has its own ' +
    'result, and items are committed while the body still arrives.',
  body: batchBody,
  problems: [408, 415, 429, 503],
  replies: {
    200: jsonReply(schemas.batchReply, 'One result for each item; those that are stored are on disk.'),
    400: problemReply(
      schemas.brokenBatchReply,
      'The body broke part-way; items before the break have their results.',
    ),
    413: problemReply(
      schemas.brokenBatchReply,
      'Too large, or too many items; items up to the limit have their results.',
    ),
  },
  async handle(exchange) {
    const { services, request } = exchange;
    const format = bodyFormat(request, ['json', 'ndjson']);
    const { maxItems, maxItemBytes, maxDepth } = services.ingest.limits;
    const body = new RequestBody(request, services.maxBodyBytes, services.admission);
    const splitter = new ItemSplitter({
      format: format === 'json' ? 'auto' : 'ndjson',
      maxItems,
      maxItemBytes,
      maxDepth,
      decodePlain: true,
    });
    try {
      await stream(exchange, body, splitter);
    } finally {
      body.release();
    }
  },
};

async function stream(exchange: Exchange, body: RequestBody, splitter: ItemSplitter): Promise<void> {
  const batch = new BatchIngest(exchange.services.ingest, 'sync-events');
  let failure: PisyncError | undefined;
  try {
    for await (const chunk of body.chunks()) {
      await marked(exchange, batch, () => splitter.push(chunk));
      if (splitter.broken !== null) break;
    }
  } catch (error) {
    // Whoever went away gets no answer, and a refusal is answered as such. A body that fails part-way keeps what came.
    if (error instanceof RequestAborted) return batch.abandon();
    if (!(error instanceof PisyncError) || error.kind !== 'request') {
      await batch.abandon();
      throw error;
    }
    failure = error;
  }
  let broken: Broken | null = splitter.broken;
  await marked(exchange, batch, () => {
    const end = splitter.end();
    broken = end.broken;
    return end.items;
  });
  answer(exchange, await batch.finish(), failure ?? toError(broken));
}

/** Runs one step of a batch; its synchronous part is marked as this route's work. */
function marked(exchange: Exchange, batch: BatchIngest, split: () => RawItem[]): Promise<void> {
  const { watchdog } = exchange.services;
  watchdog.begin();
  const items = split();
  const added = batch.add(items);
  watchdog.end(exchange.route);
  return added;
}

function toError(broken: Broken | null): PisyncError | undefined {
  if (broken === null) return undefined;
  return new PisyncError(broken.code, { detail: `${broken.detail} (byte ${broken.at})` });
}

function answer(
  exchange: Exchange,
  receipts: Awaited<ReturnType<BatchIngest['finish']>>,
  failure: PisyncError | undefined,
): void {
  const { services } = exchange;
  const text = batchReply(receipts, services.clock.now(), services.admission.advice());
  if (failure === undefined) {
    exchange.json(200, text);
    return;
  }
  if (exchange.bodyPending) exchange.closeAfterwards();
  exchange.fail(failure, JSON.parse(text) as Record<string, unknown>);
}
