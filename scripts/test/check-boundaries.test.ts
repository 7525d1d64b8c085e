import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkBoundaries } from '../check-boundaries.ts';
import { temporaryTree } from './temporary-tree.ts';

const server = 'packages/server/src';
const dependencies = { '@pisync/protocol': '1.0.0', fastify: '1.0.0', commander: '1.0.0' };

/** A small house in which every rule is kept. */
const house: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({
    workspaces: ['packages/*'],
    devDependencies: { tester: '1.0.0', 'fast-check': '1.0.0' },
  }),
  'node_modules/fastify/package.json': '{"name":"fastify","main":"index.js"}',
  'node_modules/fastify/index.js': '',
  'node_modules/commander/package.json': '{"name":"commander","main":"index.js"}',
  'node_modules/commander/index.js': '',
  'node_modules/tester/package.json': '{"name":"tester","main":"index.js"}',
  'node_modules/tester/index.js': '',
  'node_modules/fast-check/package.json': '{"name":"fast-check","main":"index.js"}',
  'node_modules/fast-check/index.js': '',
  'packages/protocol/package.json': JSON.stringify({
    name: '@pisync/protocol',
    exports: { '.': { source: './src/index.ts' } },
  }),
  'packages/protocol/src/index.ts': "export * from './errors.ts';",
  'packages/protocol/src/errors.ts': 'export const errors = 1;',
  'packages/server/package.json': JSON.stringify({
    name: 'pisync',
    dependencies,
    peerDependencies: { 'fast-check': '1.0.0' },
  }),
  [`${server}/core/fold.ts`]:
    "import { createHash } from 'node:crypto'; import { errors } from '@pisync/protocol'; export const fold = [createHash, errors];",
  [`${server}/ports/store.ts`]:
    "import type { fold } from '../core/fold.ts'; export type Store = typeof fold;",
  [`${server}/services/ingest.ts`]:
    "import type { Store } from '../ports/store.ts'; export let ingest: Store;",
  [`${server}/config/load.ts`]: "import { errors } from '@pisync/protocol'; export const load = errors;",
  [`${server}/http/server.ts`]:
    "import 'fastify'; import { ingest } from '../services/ingest.ts'; export const serve = ingest;",
  [`${server}/adapters/store/memory/memory.ts`]:
    "import type { Store } from '../../../ports/store.ts'; export let memory: Store;",
  [`${server}/adapters/store/sqlite/sqlite.ts`]:
    "import 'node:sqlite'; import type { Store } from '../../../ports/store.ts'; export let sqlite: Store;",
  [`${server}/adapters/registry.ts`]:
    "import { memory } from './store/memory/memory.ts'; export { sqlite } from './store/sqlite/sqlite.ts'; export { memory };",
  [`${server}/roles/all.ts`]:
    "import { serve } from '../http/server.ts'; import { memory } from '../adapters/registry.ts'; export const all = [serve, memory];",
  [`${server}/cli/main.ts`]:
    "import 'commander'; import { all } from '../roles/all.ts'; import { load } from '../config/load.ts'; all.push(load);",
  [`${server}/conformance/suite.ts`]:
    "import 'fast-check'; import type { Store } from '../ports/store.ts'; export let suite: Store;",
};

function cruise(context: TestContext, extra: Readonly<Record<string, string>>): readonly string[] {
  const root = temporaryTree(context, { ...house, ...extra });
  mkdirSync(join(root, 'node_modules/@pisync'));
  symlinkSync(join(root, 'packages/protocol'), join(root, 'node_modules/@pisync/protocol'));
  return checkBoundaries(root);
}

/** One import that breaks a rule: the rule, who imports, what it names. */
const broken: readonly (readonly [rule: string, from: string, name: string])[] = [
  ['layer-core', `${server}/core/x.ts`, '../ports/store.ts'],
  ['layer-ports', `${server}/ports/x.ts`, '../services/ingest.ts'],
  ['layer-services', `${server}/services/x.ts`, '../adapters/registry.ts'],
  ['layer-services', `${server}/services/y.ts`, '../config/load.ts'],
  ['layer-config', `${server}/config/x.ts`, '../services/ingest.ts'],
  ['layer-http', `${server}/http/x.ts`, '../adapters/store/memory/memory.ts'],
  ['layer-http', `${server}/http/y.ts`, '../config/load.ts'],
  ['layer-cli', `${server}/cli/x.ts`, '../adapters/store/memory/memory.ts'],
  ['layer-cli', `${server}/cli/y.ts`, '../http/server.ts'],
  ['layer-roles', `${server}/roles/x.ts`, '../adapters/store/memory/memory.ts'],
  ['layer-adapters', `${server}/adapters/store/memory/x.ts`, '../../../services/ingest.ts'],
  ['layer-conformance', `${server}/conformance/x.ts`, '../adapters/registry.ts'],
  ['layer-unknown', `${server}/utils/x.ts`, '../core/fold.ts'],
  ['adapters-apart', `${server}/adapters/store/memory/y.ts`, '../sqlite/sqlite.ts'],
  ['only-sqlite', `${server}/adapters/store/memory/z.ts`, 'node:sqlite'],
  ['only-fastify', `${server}/services/z.ts`, 'fastify'],
  ['only-commander', `${server}/config/z.ts`, 'commander'],
  ['only-fast-check', `${server}/core/v.ts`, 'fast-check'],
  ['core-pure', `${server}/core/y.ts`, 'node:fs'],
  ['core-pure', `${server}/core/z.ts`, 'node:timers/promises'],
  ['protocol-everywhere', 'packages/protocol/src/x.ts', 'node:crypto'],
  ['protocol-below-all', 'packages/protocol/src/y.ts', '../../server/src/core/fold.ts'],
  ['protocol-by-name', `${server}/roles/y.ts`, '../../../protocol/src/errors.ts'],
  ['source-not-test', `${server}/roles/z.ts`, '../../test/fixture.ts'],
  ['resolvable', `${server}/http/z.ts`, './gone.ts'],
  ['declared', `${server}/http/v.ts`, 'tester'],
];

test('a tree that keeps every rule passes', (context) => {
  assert.deepEqual(cruise(context, {}), []);
});

test('each rule finds the import that breaks it, types included', (context) => {
  const files = Object.fromEntries(
    broken.map(([, from, name]) => [from, `import type * as x from '${name}'; export type X = typeof x;`]),
  );
  const problems = cruise(context, {
    ...files,
    'packages/server/test/fixture.ts': 'export const fixture = 1;',
  });
  for (const [rule, from, name] of broken) {
    const found = problems.some(
      (problem) => problem.startsWith(`${from} -> `) && problem.includes(` ${rule}: `),
    );
    assert.ok(found, `${rule} should forbid ${from} to import ${name}`);
  }
  const culprits = new Set(problems.map((problem) => problem.split(' -> ')[0]));
  assert.deepEqual([...culprits].sort(), broken.map(([, from]) => from).sort());
});

test('cycles and orphans are found', (context) => {
  const problems = cruise(context, {
    [`${server}/core/a.ts`]: "import './b.ts'; export const a = 1;",
    [`${server}/core/b.ts`]: "import './a.ts'; export const b = 1;",
    [`${server}/core/left-over.ts`]: 'export const leftOver = 1;',
  });
  assert.ok(
    problems.some(
      (problem) => problem.startsWith(`${server}/core/a.ts -> `) && problem.includes('no-cycles'),
    ),
  );
  assert.ok(
    problems.some(
      (problem) => problem.startsWith(`${server}/core/left-over.ts`) && problem.includes('no-orphans'),
    ),
  );
  assert.ok(problems.every((problem) => /no-cycles|no-orphans/.test(problem)));
});

test('a parser that reads nothing does not pass', (context) => {
  const root = temporaryTree(context, { 'packages/a/src/a.js': "import 'node:fs';" });
  assert.deepEqual(checkBoundaries(root).length, 1);
  assert.match(checkBoundaries(root)[0] ?? '', /No TypeScript module/);
});
