import { type Broken, ItemSplitter, PisyncError, parseJson, type RawItem } from '@pisync/protocol';
import { type AcceptedKinds, BatchIngest } from '../../../services/ingest/batch.ts';
import { bodyFormat, RequestBody } from '../../body.ts';
import { type Exchange, RequestAborted } from '../../exchange.ts';
import { batchReply } from '../../reply/ingest-reply.ts';

/** Answers a request with many items, JSON array or NDJSON, committing while it arrives. */
export async function streamBatch(exchange: Exchange, source: string, kinds: AcceptedKinds): Promise<void> {
  const { services, request } = exchange;
  const format = bodyFormat(request, ['json', 'ndjson']);
  const { maxItems, maxItemBytes, maxDepth } = services.ingest.limits;
  const body = new RequestBody(request, services.maxBodyBytes, services.admission);
  const splitter = new ItemSplitter({
    format: format === 'json' ? 'auto' : 'ndjson',
    maxItems,
    maxItemBytes,
    maxDepth,
    decodePlain: kinds === 'sync_event',
  });
  try {
    await stream(exchange, body, splitter, new BatchIngest(services.ingest, source, kinds));
  } finally {
    body.release();
  }
}

async function stream(
  exchange: Exchange,
  body: RequestBody,
  splitter: ItemSplitter,
  batch: BatchIngest,
): Promise<void> {
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
  exchange.fail(failure, parseJson(text) as Record<string, unknown>);
}
