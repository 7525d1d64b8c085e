import { PisyncError } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import type { RangeFound } from '../../../services/telemetry/telemetry-queries.ts';
import { formatPointTime, pointValue, pointViews } from '../../../services/telemetry/telemetry-views.ts';
import { jsonReply } from '../../document/documented.ts';
import type { Exchange } from '../../exchange.ts';
import { integer, oneOf, type QueryValues, readQuery, text } from '../../parameters.ts';
import { ARROW_TYPE } from '../../reply/arrow-stream.ts';
import type { Route } from '../../route.ts';
import { arrowPoints } from './arrow-points.ts';
import { oneStretch } from './telemetry-parameters.ts';

const DEFAULT_LIMIT = 1000;

const query = {
  ...oneStretch,
  limit: integer(
    { min: 1, max: 100_000, fallback: undefined },
    `Points of one page; ${DEFAULT_LIMIT} where absent.`,
  ),
  cursor: text(2048, 'next_cursor of the previous reply, with the same filters.'),
  format: oneOf(
    ['json', 'ndjson', 'csv', 'arrow'],
    'json',
    'How the points are written; arrow has no pages: it sends all there are.',
  ),
};

/** Points of one series. */
export const getRange: Route = {
  method: 'GET',
  path: '/api/telemetry/range',
  tag: 'telemetry',
  operationId: 'getTelemetryRange',
  summary: 'Points of one series, oldest first',
  description:
    'Without tags, the series is the one that has none, or else the only one of the device and metric. In NDJSON and CSV the next page is told ' +
    'by the header x-next-cursor. An Arrow stream has a column timestamp and a column value of the one kind of values that ' +
    'the series ever had (float64, bool or utf8); where it had several, it has in place of value a column for each, number, ' +
    'boolean and text, of which every row fills one. Device, metric and tags stand in the metadata of its schema.',
  query,
  problems: [404],
  replies: {
    200: {
      ...jsonReply(schemas.pointPage, 'One page of points.'),
      content: {
        ...jsonReply(schemas.pointPage, '').content,
        'application/x-ndjson': { schema: { type: 'string' } },
        'text/csv': { schema: { type: 'string' } },
        [ARROW_TYPE]: { schema: { type: 'string', format: 'binary' } },
      },
    },
  },
  async handle(exchange) {
    const values = readQuery(query, exchange.target.query);
    if (values.format === 'arrow') return answerArrow(exchange, values);
    const { device_id, format, limit = DEFAULT_LIMIT, ...rest } = values;
    const request = { ...rest, limit, deviceId: device_id };
    const found = await exchange.services.telemetryQueries.range(request);
    if (format === 'json') exchange.read(pageOf(found, limit));
    else answerLines(exchange, found, format);
  },
};

async function answerArrow(exchange: Exchange, values: QueryValues<typeof query>): Promise<void> {
  const { device_id, metric, tags, from, to, limit, cursor } = values;
  if (limit !== undefined || cursor !== undefined) {
    const field = limit === undefined ? 'cursor' : 'limit';
    const detail = 'Leave it out with format=arrow, which has no pages; from and to choose what is sent.';
    throw new PisyncError('invalid_parameter', { field, detail });
  }
  const request = { deviceId: device_id, metric, tags, from, to };
  const stretch = await exchange.services.telemetryQueries.stretch(request);
  await exchange.stream(
    ARROW_TYPE,
    arrowPoints(stretch, () => exchange.flushed),
  );
}

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
