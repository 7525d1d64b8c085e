import * as schemas from '@pisync/protocol/schemas';
import { MAX_LIMIT } from '../../../services/query.ts';
import { jsonReply } from '../../document/documented.ts';
import { integer, moment, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { checkOrder } from '../detections/detection-parameters.ts';
import { boxRule } from '../detections/place-parameters.ts';

const query = {
  from: moment('Only changes at or after this time; a week before to where absent.'),
  to: moment('Only changes before this time; now where absent.'),
  box: boxRule('Only networks with an estimated position in this rectangle.'),
  limit: integer({ min: 1, max: MAX_LIMIT, fallback: 100 }, 'Items of one page.'),
  cursor: text(1024, 'next_cursor of the previous reply, with the same filters.'),
};

/** What is new among the networks. */
export const listNetworkChanges: Route = {
  method: 'GET',
  path: '/api/network-changes',
  tag: 'detections',
  operationId: 'listNetworkChanges',
  summary: 'New networks, other names, other security; newest first',
  query,
  replies: { 200: jsonReply(schemas.networkChangePage, 'One page of changes.') },
  async handle(exchange) {
    const request = readQuery(query, exchange.target.query);
    checkOrder('from', request.from, 'to', request.to);
    exchange.read(await exchange.services.detectionQueries.changes(request));
  },
};
