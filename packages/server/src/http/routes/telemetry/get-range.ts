import * as schemas from '@pisync/protocol/schemas';
import {
  formatPointTime,
  pointValue,
  pointViews,
  type RangeFound,
} from '../../../services/telemetry-queries.ts';
import { jsonReply } from '../../document/documented.ts';
import type { Exchange } from '../../exchange.ts';
import { integer, moment, oneOf, readQuery, requiredText, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { tagList } from './telemetry-parameters.ts';

const query = {
  device_id: requiredText(128, 'The device.', 'pibook-0001'),
  metric: requiredText(200, 'The metric.', 'temperature'),
  tags: tagList,
  from: moment('Only points from this moment on.'),
  to: moment('Only points before this moment.'),
  limit: integer({ min: 1, max: 100_000, fallback: 1000 }, 'Points of one page.'),
  cursor: text(2048, 'next_cursor of the previous reply, with the same filters.'),
  format: oneOf(['json', 'ndjson', 'csv'], 'json', 'How the points are written.'),
};

/** Points of one series. */
export const getRange: Route = {
  method: 'GET',
  path: '/api/telemetry/range',
  tag: 'telemetry',
  operationId: 'getTelemetryRange',
  summary: 'Points of one series, oldest first',
  description:
    'Without tags, the series is the only one that the device has of the metric. In NDJSON and CSV the next page is told ' +
    'by the header x-next-cursor.',
  query,
  problems: [404],
  replies: {
    200: {
      ...jsonReply(schemas.pointPage, 'One page of points.'),
      content: {
        ...jsonReply(schemas.pointPage, '').content,
        'application/x-ndjson': { schema: { type: 'string' } },
        'text/csv': { schema: { type: 'string' } },
      },
    },
  },
  async handle(exchange) {
    const { device_id, format, ...rest } = readQuery(query, exchange.target.query);
    const found = await exchange.services.telemetryQueries.range({ ...rest, deviceId: device_id });
    if (format === 'json') exchange.read(pageOf(found, rest.limit));
    else answerLines(exchange, found, format);
  },
};

function pageOf({ series, points, nextCursor }: RangeFound, limit: number): object {
  return { ...series, points: pointViews(points), next_cursor: nextCursor, limit };
}

function answerLines(exchange: Exchange, { points, nextCursor }: RangeFound, format: 'ndjson' | 'csv'): void {
  const csv = format === 'csv';
  let body = csv ? 'timestamp,value\n' : '';
  for (let at = 0; at < points.count; at++) {
    const timestamp = formatPointTime(points.times[at] as number);
    const value = pointValue(points, at);
    body += csv ? `${timestamp},${csvValue(value)}\n` : `${JSON.stringify({ timestamp, value })}\n`;
  }
  if (nextCursor !== null) exchange.header('x-next-cursor', nextCursor);
  exchange.send(200, csv ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8', body);
}

/** A text is quoted, and what a spreadsheet would run as a formula is made plain text. */
function csvValue(value: number | boolean | string): string {
  if (typeof value !== 'string') return String(value);
  const plain = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return `"${plain.replaceAll('"', '""')}"`;
}
