import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { integer, moment, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { checkOrder, oneDevice } from './detection-parameters.ts';

const query = {
  device_id: oneDevice,
  from: moment('Only what was heard at or after this time.'),
  to: moment('Only what was heard before this time.'),
  gap_minutes: integer({ min: 1, max: 1440, fallback: 15 }, 'A pause that is longer ends a session.'),
  limit: integer(
    { min: 1, max: 1000, fallback: 100 },
    'Items of one page; there may be fewer and more to come.',
  ),
  cursor: text(1024, 'next_cursor of the previous reply, with the same filters.'),
};

/** When a device scanned. */
export const listScanSessions: Route = {
  method: 'GET',
  path: '/api/scan-sessions',
  tag: 'detections',
  operationId: 'listScanSessions',
  summary: 'Stretches of time in which a device scanned, newest first',
  description:
    'A session is the longest stretch without a pause over gap_minutes. The distance counts a step once it is longer than the ' +
    'accuracy of both its ends, so that a receiver that stands still travels nowhere.',
  query,
  replies: { 200: jsonReply(schemas.scanSessionPage, 'One page of sessions.') },
  async handle(exchange) {
    const { device_id: deviceId, gap_minutes: gapMinutes, ...rest } = readQuery(query, exchange.target.query);
    checkOrder('from', rest.from, 'to', rest.to);
    exchange.read(await exchange.services.detectionQueries.sessions({ deviceId, gapMinutes, ...rest }));
  },
};
