import * as schemas from '@pisync/protocol/schemas';
import { MAX_LIMIT } from '../../../services/query.ts';
import { jsonReply } from '../../document/documented.ts';
import { integer, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';

const query = {
  device_id: text(128, 'Only items in which this device id could be read.'),
  code: text(64, 'Only items rejected with this error code.'),
  limit: integer({ min: 1, max: MAX_LIMIT, fallback: 10 }, 'Items of one page.'),
  cursor: text(1024, 'next_cursor of the previous reply, with the same filters.'),
};

/** Rejected items, newest first. */
export const listQuarantine: Route = {
  method: 'GET',
  path: '/api/quarantine',
  tag: 'quarantine',
  operationId: 'listQuarantine',
  summary: 'Rejected items, newest first',
  query,
  replies: { 200: jsonReply(schemas.quarantinePage, 'One page of rejected items.') },
  async handle(exchange) {
    const { device_id: deviceId, ...request } = readQuery(query, exchange.target.query);
    exchange.read(await exchange.services.quarantine.list({ deviceId, ...request }));
  },
};
