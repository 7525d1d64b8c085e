import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { integer, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';

const query = {
  new_days: integer({ min: 1, max: 365, fallback: 14 }, 'Days for which a network counts as new.'),
  near_metres: integer(
    { min: 10, max: 10_000, fallback: 500 },
    'Networks that are further apart have nothing to do with each other: chains share names.',
  ),
  limit: integer(
    { min: 1, max: 1000, fallback: 100 },
    'Items of one page, or a few more: those of one name stay together.',
  ),
  cursor: text(2048, 'next_cursor of the previous reply, with the same filters.'),
};

/** Networks that may pretend to be another one. */
export const listEvilTwins: Route = {
  method: 'GET',
  path: '/api/evil-twins',
  tag: 'detections',
  operationId: 'listEvilTwins',
  summary: 'Wi-Fi networks that may pretend to be another one of their name, with the reasons',
  description:
    'Candidates, not findings: each is a network beside one of the same name that is known longer. open_beside_secured: anyone ' +
    'may join it and not the other. weaker_security: its weakest way in is weaker. local_address: its address is made up and ' +
    "the other's is a manufacturer's. new_nearby: it is new, near the other, which is not. What is not known is no reason.",
  query,
  replies: {
    200: jsonReply(schemas.evilTwinPage, 'One page of candidates, which may be empty and not the last.'),
  },
  async handle(exchange) {
    const {
      new_days: newForDays,
      near_metres: nearMetres,
      ...rest
    } = readQuery(query, exchange.target.query);
    exchange.read(await exchange.services.detectionQueries.evilTwins({ newForDays, nearMetres, ...rest }));
  },
};
