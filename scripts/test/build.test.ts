import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { rewriteNames } from '../build.ts';
import { temporaryTree } from './temporary-tree.ts';

test('files that are named at run time are named as they were emitted', (context) => {
  const root = temporaryTree(context, { 'dist/a.js': '', 'dist/store/writer.js': '' });
  const text =
    "new Worker(new URL('./store/writer.ts', import.meta.url)); import.meta.resolve(\"./a.ts\"); './a.ts';";
  assert.equal(
    rewriteNames(join(root, 'dist/main.js'), text),
    "new Worker(new URL('./store/writer.js', import.meta.url)); import.meta.resolve(\"./a.js\"); './a.ts';",
  );
});

test('a file that is named and was not emitted breaks the build', (context) => {
  const root = temporaryTree(context, { 'dist/a.js': '' });
  assert.throws(
    () => rewriteNames(join(root, 'dist/a.js'), "new URL('./b.ts', import.meta.url)"),
    /not emitted/,
  );
});

test('declarations lead to declarations', () => {
  const text =
    "import type { A } from './a.ts'; export * from \"../b.ts\"; let c: import('./c.ts').C; import './d.ts';";
  assert.equal(rewriteNames('dist/x.d.ts', text), text.replaceAll('.ts', '.js'));
});
