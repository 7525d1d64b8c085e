import {
  type DetectionType,
  detectionTypes,
  PisyncError,
  parseCellIdentity,
  parseMacAddress,
} from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import type { NetworkKey } from '../../../ports/detection-store.ts';
import { jsonReply } from '../../document/documented.ts';
import type { Route } from '../../route.ts';

/** One network. */
export const getNetwork: Route = {
  method: 'GET',
  path: '/api/networks/:id',
  tag: 'detections',
  operationId: 'getNetwork',
  summary: 'One network with all that it was seen as',
  description: 'For its detections see GET /api/detections with type and identity.',
  pathParameters: {
    id: {
      description: 'Type, a colon and the identity.',
      schema: { type: 'string', minLength: 1, maxLength: 128 },
      example: 'wifi:00:1A:2B:3C:4D:5E',
    },
  },
  problems: [404],
  replies: { 200: jsonReply(schemas.networkDetail, 'The network.') },
  async handle(exchange) {
    const key = networkKey(exchange.parameter('id'));
    exchange.read(await exchange.services.detectionQueries.network(key));
  },
};

/** Reads an id, the identity in any usual spelling. @throws {PisyncError} `network_unknown` where it is none */
function networkKey(id: string): NetworkKey {
  const [type = ''] = id.split(':', 1);
  const text = id.slice(type.length + 1);
  const identity = type === 'cellular' ? parseCellIdentity(text) : parseMacAddress(text);
  if (identity !== undefined && (detectionTypes as readonly string[]).includes(type)) {
    return { type: type as DetectionType, identity };
  }
  const detail =
    'This is no id of a network: send type:identity such as wifi:00:1A:2B:3C:4D:5E or cellular:310-260-42081-7711.';
  throw new PisyncError('network_unknown', { detail });
}
