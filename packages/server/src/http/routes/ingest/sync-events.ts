import * as schemas from '@pisync/protocol/schemas';
import { batchBody, jsonReply, problemReply } from '../../document/documented.ts';
import type { Route } from '../../route.ts';
import { streamBatch } from './stream-batch.ts';

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
  handle: (exchange) => streamBatch(exchange, 'sync-events', 'sync_event'),
};
