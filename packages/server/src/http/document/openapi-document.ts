import * as schemas from '@pisync/protocol/schemas';
import { PROBLEM_TYPE } from '../reply/problem.ts';
import { type MediaBody, type Route, type Schema, tags } from '../route.ts';

/** Any JSON object. */
type Json = Record<string, unknown>;

const statusTexts: Readonly<Record<number, string>> = {
  400: 'The request, or an item of it, is wrong; the problem names the field. Sending it again will not help.',
  404: 'There is no such thing.',
  408: 'The request did not arrive in time.',
  409: 'It contradicts what is stored.',
  413: 'Larger than the limit.',
  415: 'The media type, charset or encoding is not supported.',
  429: 'The device sends too much: nothing was stored; try again after Retry-After seconds.',
  500: 'An unexpected error; see the log of the server.',
  503: 'The server is at its limit, stopping, or has lost its store: try again after Retry-After seconds.',
};

const retryHeaders = {
  'Retry-After': {
    description: 'Seconds to wait, spread at random so that a fleet does not return at one moment.',
    schema: { type: 'integer', minimum: 1 },
  },
};

/**
 * The OpenAPI 3.1 document of a route table. Schemas with a title become components, each once.
 *
 * @param version - of PiSync
 */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = operation(route, components);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'PiSync',
      version,
      summary: 'Stores every sync event of a fleet exactly once, and tells which devices fail.',
      description:
        'Errors are problem documents (RFC 9457) with a stable code. Only 429, 502, 503 and 504 are worth another try.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: components.all },
  };
}

/** Collects titled schemas. */
class Components {
  readonly all: Record<string, Json> = {};

  /** The schema with every titled part replaced by a reference. */
  refer(schema: Schema): Json {
    const { title } = schema as { title?: unknown };
    if (typeof title !== 'string') return this.#inside(schema);
    if (!Object.hasOwn(this.all, title)) {
      this.all[title] = {};
      this.all[title] = this.#inside(schema);
    }
    return { $ref: `#/components/schemas/${title}` };
  }

  #inside(schema: Schema): Json {
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, this.#part(key, value)]));
  }

  #part(key: string, value: unknown): unknown {
    // What these hold is data, whatever it looks like.
    if (key === 'examples' || key === 'enum' || key === 'const' || key === 'default') return value;
    if (Array.isArray(value)) return value.map((part) => this.#part('', part));
    if (typeof value !== 'object' || value === null) return value;
    return this.refer(value);
  }
}

function operation(route: Route, components: Components): Json {
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...parametersOf(route),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: route.body.required, content: mediaOf(route.body.content, components) } }),
    responses: responsesOf(route, components),
  };
}

function parametersOf(route: Route): { parameters?: Json[] } {
  const parameters: Json[] = [];
  for (const [name, { description, schema, example }] of Object.entries(route.pathParameters ?? {})) {
    parameters.push({ name, in: 'path', required: true, description, schema, example });
  }
  // Only what is required has examples: the explorer sends them, and a first press should show everything.
  for (const [name, { description, schema, example, suggestion }] of Object.entries(route.query ?? {})) {
    const offered = suggestion === undefined ? {} : { example: suggestion };
    const shown = example === undefined ? { required: false, ...offered } : { required: true, example };
    parameters.push({ name, in: 'query', ...shown, description, schema });
  }
  for (const [name, { description, schema }] of Object.entries(route.headers ?? {})) {
    parameters.push({ name, in: 'header', required: false, description, schema });
  }
  return parameters.length === 0 ? {} : { parameters };
}

function mediaOf(content: Readonly<Record<string, MediaBody>>, components: Components): Json {
  return Object.fromEntries(
    Object.entries(content).map(([type, { schema, examples }]) => [
      type,
      { schema: components.refer(schema), ...(examples === undefined ? {} : { examples }) },
    ]),
  );
}

function responsesOf(route: Route, components: Components): Json {
  const responses: Json = {};
  for (const [status, { description, content }] of Object.entries(route.replies)) {
    responses[status] = {
      description,
      ...(content === undefined ? {} : { content: mediaOf(content, components) }),
    };
  }
  if (route.method === 'GET' && route.tag !== 'operations') {
    responses['304'] = { description: 'Unchanged since the reply whose ETag was sent in If-None-Match.' };
  }
  const problem = { [PROBLEM_TYPE]: { schema: components.refer(schemas.problem) } };
  const busyToo = route.tag === 'operations' ? [] : [503];
  for (const status of [400, ...(route.problems ?? []), 500, ...busyToo]) {
    const busy = status === 429 || status === 503;
    responses[String(status)] ??= {
      description: statusTexts[status] ?? 'An error.',
      ...(busy ? { headers: retryHeaders } : {}),
      content: problem,
    };
  }
  return responses;
}
