import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { integer, oneOf, readQuery } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { oneStretch } from './telemetry-parameters.ts';

const query = {
  ...oneStretch,
  points: integer({ min: 4, max: 100_000, fallback: 1000 }, 'Points at most.'),
  method: oneOf(
    ['largest_triangle', 'min_max'],
    'min_max',
    'How points are chosen: those that span the largest triangles, or the lowest and highest of each stretch, so that no spike is lost.',
  ),
};

/** The points that a chart of one series needs. */
export const getDownsample: Route = {
  method: 'GET',
  path: '/api/telemetry/downsample',
  tag: 'telemetry',
  operationId: 'getTelemetryDownsample',
  summary: 'The points that a chart of one series needs',
  query,
  problems: [404],
  replies: { 200: jsonReply(schemas.chartPage, 'Points of the series, oldest first; text is left out.') },
  async handle(exchange) {
    const { device_id, ...rest } = readQuery(query, exchange.target.query);
    exchange.read(await exchange.services.telemetryQueries.downsample({ ...rest, deviceId: device_id }));
  },
};
