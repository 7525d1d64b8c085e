import { ItemSplitter, PisyncError } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import { TelemetryBatch, type TelemetryReceipt } from '../../../services/telemetry/telemetry-batch.ts';
import { bodyFormat, RequestBody } from '../../body.ts';
import { jsonReply, problemReply, telemetryBody } from '../../document/documented.ts';
import { type Exchange, RequestAborted } from '../../exchange.ts';
import type { Route } from '../../route.ts';

/** Takes telemetry in JSON. */
export const postTelemetry: Route = {
  method: 'POST',
  path: '/api/telemetry',
  tag: 'telemetry',
  operationId: 'postTelemetry',
  summary: 'Send telemetry',
  description:
    'One item, an array or NDJSON, gzip or zstd if you like. An item is one point, or the columns of one device. The same ' +
    'series and time again changes nothing, or replaces the value where it differs.',
  body: telemetryBody,
  problems: [408, 415, 429, 503],
  replies: {
    200: jsonReply(schemas.telemetryReply, 'All points of items that are not rejected are on disk.'),
    400: problemReply(
      schemas.brokenTelemetryReply,
      'The body broke part-way; items before the break are stored.',
    ),
    413: problemReply(schemas.brokenTelemetryReply, 'Too large; items up to the limit are stored.'),
  },
  async handle(exchange) {
    const { services, request } = exchange;
    const format = bodyFormat(request, ['json', 'ndjson']);
    const { maxItems, maxDepth } = services.ingest.limits;
    const body = new RequestBody(request, services.maxBodyBytes, services.admission);
    const splitter = new ItemSplitter({
      format: format === 'json' ? 'auto' : 'ndjson',
      maxItems: Math.max(maxItems, services.maxPoints),
      // The columns of a device are one item.
      maxItemBytes: services.maxBodyBytes,
      maxDepth,
    });
    try {
      await stream(exchange, body, splitter);
    } finally {
      body.release();
    }
  },
};

async function stream(exchange: Exchange, body: RequestBody, splitter: ItemSplitter): Promise<void> {
  const { ingest, telemetry, maxPoints, watchdog } = exchange.services;
  const batch = new TelemetryBatch(ingest, telemetry, maxPoints);
  const marked = (step: () => void): void => {
    watchdog.begin();
    step();
    watchdog.end(exchange.route);
  };
  let failure: PisyncError | undefined;
  try {
    for await (const chunk of body.chunks()) {
      marked(() => batch.add(splitter.push(chunk)));
      if (splitter.broken !== null || batch.full) break;
    }
  } catch (error) {
    // Whoever went away gets no answer. A body that fails part-way keeps what came.
    if (error instanceof RequestAborted) return;
    if (!(error instanceof PisyncError) || error.kind !== 'request') throw error;
    failure = error;
  }
  marked(() => {
    const { items, broken } = splitter.end();
    batch.add(items);
    if (broken !== null) {
      failure ??= new PisyncError(broken.code, { detail: `${broken.detail} (byte ${broken.at})` });
    }
  });
  if (batch.full) {
    const detail = `The body holds more than ${maxPoints} points. Nothing of it was stored; send it in parts.`;
    throw new PisyncError('too_many_items', { detail });
  }
  answer(exchange, await batch.finish(), failure);
}

function answer(exchange: Exchange, receipt: TelemetryReceipt, failure: PisyncError | undefined): void {
  const { clock, admission } = exchange.services;
  const reply = {
    points: receipt.points,
    stored: receipt.stored,
    rejected: receipt.rejected.length,
    results: receipt.rejected.map(({ index, problem }) => ({
      index,
      result: 'rejected',
      device_id: problem.deviceId ?? undefined,
      code: problem.code,
      field: problem.field ?? undefined,
      detail: problem.detail,
    })),
    server_time: new Date(clock.now()).toISOString(),
    next_sync_after_ms: admission.advice(),
  };
  if (failure === undefined) {
    exchange.json(200, JSON.stringify(reply));
    return;
  }
  if (exchange.bodyPending) exchange.closeAfterwards();
  exchange.fail(failure, reply);
}
