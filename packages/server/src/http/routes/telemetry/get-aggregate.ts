import * as schemas from '@pisync/protocol/schemas';
import { type AggregateName, aggregateNames } from '../../../core/telemetry/aggregate.ts';
import { fillModes } from '../../../core/telemetry/fill.ts';
import { jsonReply } from '../../document/documented.ts';
import { moment, oneOf, type QueryRule, readQuery, requiredText, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { tagList } from './telemetry-parameters.ts';

const functions: QueryRule<readonly AggregateName[]> = {
  description: `What is asked of each bucket, separated by commas: ${aggregateNames.join(', ')}.`,
  schema: { type: 'string', default: 'count,avg,min,max' },
  fallback: ['count', 'avg', 'min', 'max'],
  read(given) {
    const names = [...new Set(given.split(',').map((name) => name.trim()))];
    const known = names.filter((name): name is AggregateName =>
      (aggregateNames as readonly string[]).includes(name),
    );
    return known.length === names.length
      ? { value: known }
      : { allowed: `names of ${aggregateNames.join(', ')}, separated by commas` };
  },
};

const query = {
  device_id: requiredText(128, 'The device.', 'pibook-0001'),
  metric: requiredText(200, 'The metric.', 'temperature'),
  tags: tagList,
  from: moment('Only points from this moment on.'),
  to: moment('Only points before this moment.'),
  bucket: text(16, 'Width of the buckets: 10s, 5m, 1h, 1d, 1w or 1mo; 1h where absent.'),
  time_zone: text(64, 'IANA name of the zone whose days, weeks and months are meant; UTC where absent.'),
  functions,
  fill: oneOf(
    fillModes,
    'none',
    'What a bucket without points shows: nothing, null, the value before, or that on the line.',
  ),
};

/** One series in buckets of time. */
export const getAggregate: Route = {
  method: 'GET',
  path: '/api/telemetry/aggregate',
  tag: 'telemetry',
  operationId: 'getTelemetryAggregate',
  summary: 'One series in buckets of time',
  description:
    'Numbers and booleans (as 0 and 1) count, text does not. stddev is that of a sample; p50, p95 and p99 are within 1 % of ' +
    'the value. At most 10,000 buckets.',
  query,
  problems: [404],
  replies: { 200: jsonReply(schemas.bucketPage, 'Buckets in order of time.') },
  async handle(exchange) {
    const { device_id, time_zone, bucket, ...rest } = readQuery(query, exchange.target.query);
    exchange.read(
      await exchange.services.telemetryQueries.aggregate({
        ...rest,
        deviceId: device_id,
        bucket: bucket ?? '1h',
        timeZone: time_zone ?? 'UTC',
      }),
    );
  },
};
