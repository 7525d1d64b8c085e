import * as schemas from '@pisync/protocol/schemas';
import { jsonReply } from '../../document/documented.ts';
import { oneOf, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { influxVersion, versionHeader } from './influx-version.ts';

const query = {
  verbose: oneOf(['true', 'false'], 'false', 'true for a reply with a body, as some load balancers want.'),
  wait_for_leader: text(32, 'Of a cluster of InfluxDB; taken, and of no effect.'),
};

/** Tells clients of InfluxDB that somebody is there who takes their lines. */
export const getPing: Route = {
  method: 'GET',
  path: '/ping',
  tag: 'operations',
  operationId: 'ping',
  summary: 'Is a server there, as clients of InfluxDB ask',
  description: `X-Influxdb-Version is ${influxVersion} whatever the version of PiSync: the one whose ways of writing it takes.`,
  query,
  replies: {
    200: jsonReply(schemas.influxPing, 'The process is alive; with verbose=true.'),
    204: { description: 'The process is alive.' },
  },
  handle(exchange) {
    const { verbose } = readQuery(query, exchange.target.query);
    exchange.header(versionHeader, influxVersion);
    if (verbose === 'true') exchange.json(200, JSON.stringify({ version: influxVersion }));
    else exchange.empty(204);
  },
};
