import { PisyncError } from '@pisync/protocol';
import * as schemas from '@pisync/protocol/schemas';
import { RequestBody } from '../../body.ts';
import { jsonReply } from '../../document/documented.ts';
import type { Exchange } from '../../exchange.ts';
import { readQuery, text } from '../../parameters.ts';
import type { Route } from '../../route.ts';
import { influxVersion, versionHeader } from './influx-version.ts';

/** Characters of a query; what clients ask at their start is shorter by far. */
const maxQueryLength = 4096;

const ignored = (name: string) => text(1024, `${name} of InfluxDB; taken, and of no effect.`);

const others = {
  db: ignored('Database'),
  rp: ignored('Retention policy'),
  u: ignored('User'),
  p: ignored('Password'),
  epoch: ignored('Unit of times'),
  precision: ignored('Unit of times'),
  pretty: ignored('Indentation'),
  chunked: ignored('Parts of a reply'),
  chunk_size: ignored('Parts of a reply'),
  params: ignored('Values for a query'),
};

/** The explorer sends the example; whether there is a query at all is checked with the body. */
const query = {
  q: { ...text(maxQueryLength, 'The query.'), suggestion: 'SHOW DATABASES' },
  ...others,
};

const shared = {
  path: '/query',
  tag: 'telemetry',
  description:
    'Telegraf and the client libraries of InfluxDB 1 ask for their database when they start: CREATE DATABASE and SHOW DATABASES are ' +
    'answered as InfluxDB does. A PiSync server is one database, called pisync, which takes what is written to any. Everything else is ' +
    'refused: telemetry is read by the routes under /api/telemetry.',
  query,
} as const;

const replies = { 200: jsonReply(schemas.influxResults, 'One result for each statement.') };

/** Answers what clients of InfluxDB 1 ask before they write. */
export const getInfluxQuery: Route = {
  ...shared,
  method: 'GET',
  operationId: 'influxQuery',
  summary: 'Ask for the database, as clients of InfluxDB 1 do',
  replies,
  handle(exchange) {
    answer(exchange, readQuery(query, exchange.target.query).q);
  },
};

/** The same, with the query in a form, as Telegraf sends it, or in the URL. */
export const postInfluxQuery: Route = {
  ...shared,
  method: 'POST',
  operationId: 'postInfluxQuery',
  summary: 'Create the database, as Telegraf does',
  body: {
    required: false,
    content: {
      'application/x-www-form-urlencoded': {
        schema: { type: 'string' },
        examples: {
          'example-1': { summary: 'As Telegraf sends it', value: 'q=CREATE+DATABASE+%22telegraf%22' },
        },
      },
    },
  },
  problems: [408, 413, 415],
  replies,
  async handle(exchange) {
    const { q } = readQuery(query, exchange.target.query);
    answer(exchange, q ?? (await formQuery(exchange)));
  },
};

/** The member `q` of a form; what else it holds is of no effect, as in the URL. */
async function formQuery({ request, services }: Exchange): Promise<string | undefined> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === '') return undefined;
  if (type !== 'application/x-www-form-urlencoded') {
    const detail = 'Send the query as application/x-www-form-urlencoded, or in the URL.';
    throw new PisyncError('unsupported_media_type', { detail, field: 'content-type' });
  }
  const body = new RequestBody(request, services.ingest.limits.maxItemBytes, services.admission);
  try {
    return new URLSearchParams((await body.whole()).toString('utf8')).get('q') ?? undefined;
  } finally {
    body.release();
  }
}

function answer(exchange: Exchange, given: string | undefined): void {
  exchange.header(versionHeader, influxVersion);
  const statements = given === undefined || given.length > maxQueryLength ? undefined : statementsOf(given);
  const results = statements?.map(resultOf);
  if (results !== undefined && results.length > 0 && results.every((result) => result !== undefined)) {
    exchange.readText(JSON.stringify({ results: results.map((one, at) => ({ statement_id: at, ...one })) }));
    return;
  }
  const detail =
    given === undefined
      ? 'missing required parameter "q"'
      : 'PiSync answers CREATE DATABASE and SHOW DATABASES here; read telemetry by the routes under /api/telemetry.';
  // Clients of InfluxDB read `error`.
  exchange.fail(new PisyncError('invalid_parameter', { detail, field: 'q' }), { error: detail });
}

/** Splits at semicolons outside of quotes. @returns undefined where a quote is not closed */
function statementsOf(text: string): readonly string[] | undefined {
  const statement = /(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^;"'])+|;/gsy;
  const found: string[] = [];
  while (statement.lastIndex < text.length) {
    const [part] = statement.exec(text) ?? [];
    if (part === undefined) return undefined;
    if (part !== ';' && part.trim() !== '') found.push(part.trim());
  }
  return found;
}

const createDatabase =
  /^create\s+database\s+(?:"(?:[^"\\]|\\.)*"|[a-z_][a-z0-9_]*)(?:\s+with\s[^"']*(?:"[^"]*")?)?$/is;
const showDatabases = /^show\s+databases$/i;

const databases = { series: [{ name: 'databases', columns: ['name'], values: [['pisync']] }] };

/** What InfluxDB answers beside the number of the statement; undefined for one that is not taken. */
function resultOf(statement: string): object | undefined {
  if (showDatabases.test(statement)) return databases;
  return createDatabase.test(statement) ? {} : undefined;
}
