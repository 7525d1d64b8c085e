import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { routeTable } from '../../src/http/route-table.ts';
import { get, send, start } from './harness.ts';
import { document, validatorAt } from './reply-schemas.ts';

const server = await start();

/** What the explorer reads of a parameter. */
interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly example?: string;
  readonly schema: { readonly default?: string };
}

/** The document's operations with their place. */
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path,
    method,
    operation,
    name: `${method.toUpperCase()} ${path}`,
  })),
);

function pointer(...steps: string[]): string {
  const escaped = (step: string): string =>
    encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'));
  return steps.map((step) => `/${escaped(step)}`).join('');
}

describe('the document', () => {
  test('is OpenAPI 3.1, served as it is, and asks no other host', async () => {
    const reply = await get(server, '/openapi.json');
    assert.equal(reply.body.openapi, '3.1.0');
    assert.deepEqual(reply.body.paths, document.paths);
    assert.doesNotMatch(reply.text, /https?:\/\//);
  });

  test('every registered route is in it, and the other way', async () => {
    const registered = routeTable.map((route) => `${route.method} ${route.path.replace(/:(\w+)/g, '{$1}')}`);
    assert.deepEqual(operations.map(({ name }) => name).sort(), [...registered].sort());
    for (const { name, path, method } of operations) {
      const response = await fetch(server.url + path.replace(/\{\w+\}/g, '1'), {
        method: method.toUpperCase(),
      });
      const body = response.status === 404 ? ((await response.json()) as { code: string }) : { code: '' };
      assert.ok(body.code !== 'route_unknown' && response.status !== 405, `${name} answers`);
    }
  });

  test('operation ids are unique, and every reference resolves', () => {
    const ids = operations.map(({ operation }) => operation['operationId']);
    assert.equal(new Set(ids).size, ids.length);
    for (const [, name] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      assert.ok(Object.hasOwn(document.components.schemas, name ?? ''), `${name} exists`);
    }
  });

  test('every example validates against its schema', () => {
    let examples = 0;
    for (const { path, method, operation, name } of operations) {
      const contents: [string[], Record<string, { examples?: Record<string, { value: unknown }> }>][] = [];
      if (operation['requestBody']) contents.push([['requestBody'], operation['requestBody'].content]);
      for (const [status, response] of Object.entries(
        operation['responses'] as Record<string, { content?: never }>,
      )) {
        if (response.content !== undefined) contents.push([['responses', status], response.content]);
      }
      for (const [steps, content] of contents) {
        for (const [type, media] of Object.entries(content)) {
          for (const example of Object.values(media.examples ?? {})) {
            const validate = validatorAt(pointer('paths', path, method, ...steps, 'content', type, 'schema'));
            assert.ok(
              validate(example.value),
              `${name} ${steps.join(' ')}: ${JSON.stringify(validate.errors)}`,
            );
            examples += 1;
          }
        }
      }
    }
    assert.ok(examples >= 10, `${examples} examples`);
  });
});

/** The examples of the query parameters that an operation cannot do without. */
function requiredQuery(operation: Readonly<Record<string, unknown>>): string {
  type Parameter = { in: string; required?: boolean; name: string; example?: unknown };
  const pairs = ((operation['parameters'] ?? []) as Parameter[])
    .filter((parameter) => parameter.in === 'query' && parameter.required === true)
    .map(({ name, example }): [string, string] => [name, String(example)]);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

describe('the examples', () => {
  const posts = operations.filter(({ path, operation }) => operation['requestBody'] && !path.includes('{'));
  for (const { path, name, operation } of posts) {
    for (const [type, media] of Object.entries(
      operation['requestBody'].content as Record<string, { examples: object }>,
    )) {
      test(`${name} accepts its examples as ${type}`, async () => {
        for (const { value } of Object.values(media.examples) as { value: unknown }[]) {
          const body = typeof value === 'string' ? value : JSON.stringify(value);
          const reply = await send(server, 'POST', path + requiredQuery(operation), body, {
            'content-type': type,
          });
          assert.ok([200, 201, 204].includes(reply.status), reply.text);
          assert.equal(reply.body?.rejected ?? 0, 0, reply.text);
        }
      });
    }
  }

  test('the example of a replay is accepted for any item', async () => {
    await send(server, 'POST', '/api/sync-event', '{"device_id":"pi-1"}');
    const list = await get(server, '/api/quarantine');
    const operation = operations.find(({ name }) => name === 'POST /api/quarantine/{id}/replay')?.operation;
    for (const { value } of Object.values(
      operation?.['requestBody'].content['application/json'].examples,
    ) as { value: unknown }[]) {
      const path = `/api/quarantine/${list.body.items[0].id}/replay`;
      const reply = await send(server, 'POST', path, JSON.stringify(value));
      assert.equal(reply.status, 200, reply.text);
    }
  });

  test('every read works as the explorer sends it: examples of the path, defaults of the query', async () => {
    for (const { path, method, operation } of operations) {
      if (method !== 'get' || path.includes('quarantine/{id}')) continue;
      let url = path;
      const query = new URLSearchParams();
      for (const { name, in: place, example, schema } of (operation['parameters'] ?? []) as Parameter[]) {
        if (place === 'path') url = url.replace(`{${name}}`, encodeURIComponent(example ?? ''));
        else if (example !== undefined) query.set(name, example);
        else if (schema.default !== undefined) query.set(name, schema.default);
      }
      const reply = await get(server, `${url}?${query}`.replace(/\?$/, ''));
      const wanted = operation['responses']['204'] === undefined ? 200 : 204;
      assert.equal(reply.status, wanted, `${url} ${reply.text}`);
      if (path.endsWith('sync-history'))
        assert.ok(reply.body.items.length > 0, 'the posted example is shown');
    }
  });
});

describe('the explorer', () => {
  test('comes from this server alone, with security headers', async () => {
    const page = await fetch(`${server.url}/api-docs/static/index.html`);
    const html = await page.text();
    assert.equal(page.status, 200);
    assert.match(html, /swagger-ui/);
    assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//);
    const policy = page.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy.replace('https: data:', ''), /https?:\/\//);
    assert.equal(page.headers.get('x-frame-options'), 'DENY');
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  });

  test('is found at /api-docs, and shows this document', async () => {
    const page = await fetch(`${server.url}/api-docs`);
    assert.equal(page.status, 200);
    const shown = (await (await fetch(`${server.url}/api-docs/json`)).json()) as { paths: object };
    assert.deepEqual(shown.paths, document.paths);
  });

  test('answers what it does not have as the server does', async () => {
    const missing = await fetch(`${server.url}/api-docs/static/no-such-file.js`);
    assert.equal(missing.status, 404);
    assert.equal(((await missing.json()) as { code: string }).code, 'route_unknown');
    const head = await fetch(`${server.url}/api-docs/static/index.html`, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
    const posted = await fetch(`${server.url}/api-docs`, { method: 'POST' });
    assert.equal(posted.status, 404);
  });
});
