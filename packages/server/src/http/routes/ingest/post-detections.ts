import * as schemas from '@pisync/protocol/schemas';
import { detectionsBody, jsonReply, problemReply } from '../../document/documented.ts';
import type { Route } from '../../route.ts';
import { streamBatch } from './stream-batch.ts';

/** Takes detections, committing while they arrive. */
export const postDetections: Route = {
  method: 'POST',
  path: '/api/detections',
  tag: 'ingest',
  operationId: 'postDetections',
  summary: 'Send detections',
  description:
    'One detection, a JSON array or NDJSON, gzip or zstd if you like. Identity and results are as for sync events: send the same ' +
    'as often as you need.',
  body: detectionsBody,
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
  handle: (exchange) => streamBatch(exchange, 'detections', 'detection'),
};
