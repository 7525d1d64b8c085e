import { isDeviceId, PisyncError } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import { deviceFields } from '../../../services/views.ts';
import { deviceIdParameter, jsonReply } from '../../document/documented.ts';
import { fields, integer, project, readQuery } from '../../parameters.ts';
import type { Route } from '../../route.ts';

/** Longest window of statistics: as far back as a corrected time can lie by default. */
const MAX_WINDOW_HOURS = 9600;

const query = {
  window_hours: integer(
    { min: 1, max: MAX_WINDOW_HOURS, fallback: 24 },
    'Hours back that the statistics cover.',
  ),
  fields: fields([...deviceFields, 'window']),
};

/** One device. */
export const device: Route = {
  method: 'GET',
  path: '/api/devices/:id',
  tag: 'devices',
  operationId: 'getDevice',
  summary: 'One device: state, streak, clock, totals, statistics over a window',
  query,
  pathParameters: deviceIdParameter,
  problems: [404],
  replies: { 200: jsonReply(schemas.deviceDetail, 'The device.') },
  async handle(exchange) {
    const { window_hours: hours, fields: wanted } = readQuery(query, exchange.target.query);
    const deviceId = exchange.parameter('id');
    if (!isDeviceId(deviceId)) throw new PisyncError('device_unknown', { detail: 'This is no device id.' });
    exchange.read(project(await exchange.services.queries.device(deviceId, hours), wanted));
  },
};
