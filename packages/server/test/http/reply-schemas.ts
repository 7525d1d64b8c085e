import assert from 'node:assert/strict';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openApiDocument } from '../../src/http/document/openapi-document.ts';
import { routeTable } from '../../src/http/route-table.ts';

/** The document that replies are held against. */
export const document = openApiDocument(routeTable, '0.0.0') as unknown as Document;

// biome-ignore lint/suspicious/noExplicitAny: a document is looked into freely
type Loose = Record<string, any>;

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Loose>;
  readonly components: { readonly schemas: Record<string, Loose> };
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormats as unknown as (to: Ajv2020) => void)(ajv);
ajv.addSchema(document as object, 'document');

const validators = new Map<string, ValidateFunction>();

/** Validator of the schema at a place of the document. */
export function validatorAt(pointer: string): ValidateFunction {
  let validator = validators.get(pointer);
  if (validator === undefined) {
    validator = ajv.compile({ $ref: `document#${pointer}` });
    validators.set(pointer, validator);
  }
  return validator;
}

function escaped(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D');
}

/** The document's path that a URL belongs to; literal segments win over parameters. */
function pathOf(url: string): string | undefined {
  const segments = (url.split('?')[0] ?? '').split('/');
  const matching = Object.keys(document.paths).filter((path) => {
    const parts = path.split('/');
    return (
      parts.length === segments.length &&
      parts.every((part, at) => part.startsWith('{') || part === segments[at])
    );
  });
  return matching.sort((a, b) => a.split('{').length - b.split('{').length)[0];
}

/** Fails where a reply is not what the document says. */
export function checkReply(
  method: string,
  url: string,
  reply: {
    readonly status: number;
    readonly headers: Headers;
    readonly body: unknown;
    readonly text: string;
  },
): void {
  const path = pathOf(url);
  const operation = path === undefined ? undefined : document.paths[path]?.[method.toLowerCase()];
  const type = (reply.headers.get('content-type') ?? '').split(';')[0] as string;
  if (path === undefined || operation === undefined) {
    if (reply.status < 400) return;
    const validate = validatorAt('/components/schemas/Problem');
    assert.ok(validate(reply.body), `${method} ${url}: ${JSON.stringify(validate.errors)}`);
    return;
  }
  const response = operation.responses[String(reply.status)] as Loose | undefined;
  assert.ok(
    response,
    `${method} ${path} answered ${reply.status}, which the document does not know: ${reply.text}`,
  );
  if (response['content'] === undefined) return;
  assert.ok(response['content'][type], `${method} ${path} answered ${reply.status} as ${type}`);
  // A choice of fields is not what the schema of the whole item tells.
  if (!/^application\/(problem\+)?json$/.test(type) || url.includes('fields=')) return;
  const steps = [
    'paths',
    path,
    method.toLowerCase(),
    'responses',
    String(reply.status),
    'content',
    type,
    'schema',
  ];
  const validate = validatorAt(steps.map((step) => `/${escaped(step)}`).join(''));
  assert.ok(validate(reply.body), `${method} ${path}: ${JSON.stringify(validate.errors)}\n${reply.text}`);
}
