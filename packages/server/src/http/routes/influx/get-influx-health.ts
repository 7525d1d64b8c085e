import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import type { Route } from '../../route.ts';
import { influxVersion, versionHeader } from './influx-version.ts';

/** What {@link readyz} tells, as clients of InfluxDB 2 read it. */
export const getInfluxHealth: Route = {
  method: 'GET',
  path: '/health',
  tag: 'operations',
  operationId: 'getInfluxHealth',
  summary: 'Can the server take work, as clients of InfluxDB 2 ask',
  replies: {
    200: jsonReply(schemas.influxHealth, 'Ready.'),
    503: jsonReply(schemas.influxHealth, 'Not ready: status is fail.'),
  },
  handle(exchange) {
    const { health, admission } = exchange.services;
    const { ready, notes } = health.readiness();
    exchange.header(versionHeader, influxVersion);
    if (!ready) exchange.header('retry-after', String(admission.retryAfter(1000, true)));
    const reply = {
      name: 'pisync',
      status: ready ? 'pass' : 'fail',
      message: ready ? 'ready for writes' : (notes[0] ?? 'The store is not available.'),
      checks: [],
      version: influxVersion,
    };
    exchange.json(ready ? 200 : 503, JSON.stringify(reply));
  },
};
