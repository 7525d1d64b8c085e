import * as schemas from '@pisync/protocol/schemas';
import { type AggregateName, aggregateNames } from '../../../core/telemetry/aggregate.ts';
import { fillModes } from '../../../core/telemetry/fill.ts';
import { aggregateView } from '../../../services/telemetry/bucket-groups.ts';
import { jsonReply } from '../../document/documented.ts';
import { oneOf, type QueryRule, readQuery, text } from '../../parameters.ts';
import { ARROW_TYPE } from '../../reply/arrow-stream.ts';
import type { Route } from '../../route.ts';
import { arrowBuckets } from './arrow-buckets.ts';
import { groupBy, manySeries, period, requiredMetric } from './telemetry-parameters.ts';

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
  ...manySeries,
  metric: requiredMetric,
  ...period,
  bucket: text(16, 'Width of the buckets: 10s, 5m, 1h, 1d, 1w or 1mo; 1h where absent.'),
  time_zone: text(64, 'IANA name of the zone whose days, weeks and months are meant; UTC where absent.'),
  functions,
  fill: oneOf(
    fillModes,
    'none',
    'What a bucket without points shows: nothing, null, the value before, or that on the line.',
  ),
  group_by: groupBy,
  format: oneOf(['json', 'arrow'], 'json', 'How the buckets are written.'),
};

const replyBody = jsonReply(schemas.bucketReply, 'Buckets in order of time.');

/** Series in buckets of time. */
export const getAggregate: Route = {
  method: 'GET',
  path: '/api/telemetry/aggregate',
  tag: 'telemetry',
  operationId: 'getTelemetryAggregate',
  summary: 'Series in buckets of time, as one or by groups',
  description:
    'All series of the metric that meet the conditions count, at most 1,000. Numbers and booleans (as 0 and 1) count, text ' +
    'does not. stddev is that of a sample; p50, p95 and p99 are within 1 % of the value. At most 10,000 buckets of a group, ' +
    'and 100,000 of all. In Arrow a column for each function follows the groups and the starts of their buckets.',
  query,
  problems: [404],
  replies: {
    200: {
      ...replyBody,
      content: {
        ...replyBody.content,
        [ARROW_TYPE]: { schema: { type: 'string', format: 'binary' } },
      },
    },
  },
  async handle(exchange) {
    const { device_id, device_prefix, time_zone, bucket, group_by, format, ...rest } = readQuery(
      query,
      exchange.target.query,
    );
    const found = await exchange.services.telemetryQueries.aggregate({
      ...rest,
      deviceIds: device_id,
      devicePrefix: device_prefix,
      bucket: bucket ?? '1h',
      timeZone: time_zone ?? 'UTC',
      groupBy: group_by,
    });
    if (format === 'arrow') await exchange.stream(ARROW_TYPE, arrowBuckets(found));
    else exchange.read(aggregateView(found));
  },
};
