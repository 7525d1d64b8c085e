import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { moment, readQuery } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { checkOrder, invalid, oneDevice } from './detection-parameters.ts';
import { circleRule, polygonRule } from './place-parameters.ts';

const query = {
  device_id: oneDevice,
  circle: circleRule,
  polygon: polygonRule,
  from: moment('Only positions at or after this time.'),
  to: moment('Only positions before this time.'),
};

/** When a device went into an area and out of it. */
export const listCrossings: Route = {
  method: 'GET',
  path: '/api/geofence-crossings',
  tag: 'detections',
  operationId: 'listGeofenceCrossings',
  summary: 'When a device entered and left a circle or a polygon, oldest first',
  description:
    'Give circle or polygon. A position that is nearer to the border than its own accuracy changes nothing, so that a receiver ' +
    'that wavers enters once. Up to 50,000 positions; ask for shorter times where there are more.',
  query,
  replies: { 200: jsonReply(schemas.crossingList, 'All crossings of this time.') },
  async handle(exchange) {
    const { device_id: deviceId, circle, polygon, from, to } = readQuery(query, exchange.target.query);
    checkOrder('from', from, 'to', to);
    if (circle !== undefined && polygon !== undefined)
      throw invalid('polygon', 'Give circle or polygon, not both.');
    const fence = circle ?? (polygon === undefined ? undefined : { rings: [polygon] });
    if (fence === undefined) throw invalid('circle', 'Is missing: give circle or polygon.');
    const field = circle === undefined ? 'polygon' : 'circle';
    const request = { deviceId, from, to, fence, field };
    exchange.read(await exchange.services.detectionQueries.crossings(request));
  },
};
