import {
  type DecodedLines,
  type LinePrecision,
  LineProtocolDecoder,
  linePrecision,
  PisyncError,
} from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import { ownerOf } from '../../../services/ingest/ingest.ts';
import { lineSource, rejectedItem } from '../../../services/ingest/rejection.ts';
import { RequestBody } from '../../body.ts';
import { jsonReply, problemReply } from '../../document/documented.ts';

import type { Exchange } from '../../exchange.ts';
import { type QueryRule, readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';

const precision: QueryRule<string> = {
  description: 'Unit of the times: n, ns, u, us, ms, s, m or h.',
  schema: { type: 'string', default: 'ns' },
  fallback: 'ns',
  read: (given) =>
    linePrecision(given) === undefined ? { allowed: 'one of n, ns, u, us, ms, s, m, h' } : { value: given },
};

/** What clients of InfluxDB send besides: a PiSync server is one database, so these choose nothing. */
const database = (name: string) => text(1024, `${name} of InfluxDB; taken, and of no effect.`);

const queryV1 = {
  precision,
  db: database('Database'),
  rp: database('Retention policy'),
  u: database('User'),
  p: database('Password'),
  consistency: database('Consistency'),
};
const queryV2 = {
  precision,
  org: database('Organisation'),
  orgID: database('Id of the organisation'),
  bucket: database('Bucket'),
  consistency: database('Consistency'),
};

const shared = {
  method: 'POST',
  tag: 'telemetry',
  description:
    'Line protocol as Telegraf and the client libraries of InfluxDB write it, gzip or zstd if you like. The device is the tag ' +
    'device_id, device or host, the first that a line has (line_device_tags chooses others); the metric is the measurement and, unless it is called value, the ' +
    'field. Lines that are wrong are rejected and kept in the quarantine; all others are stored.',
  body: {
    required: true,
    content: {
      'text/plain': {
        schema: { type: 'string' },
        examples: {
          'example-1': {
            summary: 'Works as it is',
            value: 'weather,host=pibook-0001 temperature=23.5,fan=true',
          },
        },
      },
    },
  },
  problems: [408, 413, 429, 503],
  replies: {
    204: { description: 'All lines are on disk.' },
    400: {
      description: 'Some lines were rejected, and all others are on disk; or the request itself is wrong.',
      content: {
        ...jsonReply(schemas.writeError, '').content,
        ...problemReply(schemas.problem, '').content,
      },
    },
  },
} as const;

/** Line protocol, as version 1 of InfluxDB takes it. */
export const writeLines: Route = {
  ...shared,
  path: '/write',
  operationId: 'write',
  summary: 'Send telemetry in line protocol (InfluxDB 1)',
  query: queryV1,
  handle: (exchange) => handle(exchange, readQuery(queryV1, exchange.target.query).precision),
};

/** Line protocol, as version 2 of InfluxDB takes it. */
export const writeLinesV2: Route = {
  ...shared,
  path: '/api/v2/write',
  operationId: 'writeV2',
  summary: 'Send telemetry in line protocol (InfluxDB 2)',
  query: queryV2,
  handle: (exchange) => handle(exchange, readQuery(queryV2, exchange.target.query).precision),
};

async function handle(exchange: Exchange, given: string): Promise<void> {
  const { services, request } = exchange;
  const { maxItemBytes } = services.ingest.limits;
  const unit = linePrecision(given) ?? 'ns';
  const body = new RequestBody(request, services.maxBodyBytes, services.admission);
  try {
    const decoder = new LineProtocolDecoder({
      known: services.knownSeries,
      precision: unit,
      defaultTime: services.clock.now() * 1000,
      maxLineBytes: maxItemBytes,
      maxPoints: services.maxPoints,
    });
    for await (const chunk of body.chunks()) {
      services.watchdog.begin();
      decoder.push(chunk);
      services.watchdog.end(exchange.route);
      if (decoder.broken !== null) break;
    }
    await store(exchange, decoder.end(), unit);
  } finally {
    body.release();
  }
}

async function store(exchange: Exchange, decoded: DecodedLines, precision: LinePrecision): Promise<void> {
  const { services } = exchange;
  const { batch, errors, broken } = decoded;
  if (broken !== null) throw new PisyncError(broken.code, { detail: broken.detail });
  const receivedAt = services.clock.now();
  // A line alone does not tell the unit of its time, which a replay must know.
  const source = precision === 'ns' ? lineSource : `${lineSource} ${precision}`;
  const rejected = errors.map((problem) => {
    const owned = { ...problem, deviceId: ownerOf(problem) };
    return rejectedItem(owned, problem.text, source, receivedAt, problem.truncated);
  });
  if (batch.count > 0 || rejected.length > 0) await services.telemetry.take(batch, rejected);
  if (errors.length === 0) exchange.empty(204);
  else exchange.json(400, influxError(decoded));
}

/** The error as both versions of InfluxDB write it: `error` is read by clients of version 1, the rest by those of 2. */
function influxError({ errors, lines }: DecodedLines): string {
  const [first] = errors;
  const shown = JSON.stringify(first?.text.slice(0, 200).toWellFormed());
  const message =
    `partial write: unable to parse ${shown}: ${first?.detail} (line ${first?.line}); ` +
    `${errors.length} of ${lines} lines rejected, all others stored`;
  return JSON.stringify({ code: 'invalid', message, error: message, line: first?.line });
}
