import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkSizes, limits, measureFolders, measureSource } from '../check-sizes.ts';
import { temporaryTree } from './temporary-tree.ts';

const lines = (count: number, line = '  step();'): string => `${line}\n`.repeat(count);

describe('functions', () => {
  const forms: Record<string, (body: string) => string> = {
    declaration: (body) => `function big() {\n${body}}\n`,
    expression: (body) => `const big = function () {\n${body}};\n`,
    arrow: (body) => `const big = () => {\n${body}};\n`,
    method: (body) => `class A { big() {\n${body}} }\n`,
    'private method': (body) => `class A { #big() {\n${body}} }\n`,
    getter: (body) => `class A { get big() {\n${body}return 1; } }\n`,
    'class constructor': (body) => `class A { constructor() {\n${body}} }\n`,
    'object method': (body) => `const a = { big() {\n${body}} };\n`,
    'object getter': (body) => `const a = { get big() {\n${body}return 1; } };\n`,
    'nested in a call': (body) => `run(1, [async () => {\n${body}}]);\n`,
  };
  for (const [form, write] of Object.entries(forms)) {
    test(`${form}: the limit itself passes, one line more does not`, () => {
      const before = '// ä 漢字: bytes are not characters\n\n';
      assert.deepEqual(measureSource('a.ts', before + write(lines(limits.functionLines - 2))), []);
      const [finding, ...others] = measureSource('a.ts', before + write(lines(limits.functionLines - 1)));
      assert.equal(finding?.rule, 'functionLines');
      assert.match(finding.detail, /^line 3: .* has 61 lines/);
      assert.deepEqual(others, []);
    });
  }

  test('comments and blank lines count, for they are read, too', () => {
    assert.equal(measureSource('a.ts', `function a() {\n${lines(59, '  // why\n')}}\n`).length, 1);
  });

  test('the callback of a suite is a list of tests, a test is a function', () => {
    const suite = (inner: string): string => `describe('a', () => {\n${inner}});\n`;
    assert.deepEqual(measureSource('a.test.ts', suite(lines(100))), []);
    assert.equal(measureSource('a.test.ts', suite(`test('b', () => {\n${lines(100)}});\n`)).length, 1);
    assert.deepEqual(measureSource('a.test.ts', `describe.skip('a', () => {\n${lines(100)}});\n`), []);
  });

  test('several files one after the other are measured alike', () => {
    const source = `function a() {\n${lines(70)}}\n`;
    const first = measureSource('a.ts', source);
    assert.deepEqual(measureSource('a.ts', source), first);
    assert.match(first[0]?.detail ?? '', /^line 1: function a has 72 lines/);
  });

  test('plain JavaScript with a hashbang is measured', () => {
    assert.equal(measureSource('bin/a.js', `#!/usr/bin/env node\nfunction a() {\n${lines(60)}}\n`).length, 1);
  });
});

describe('ports', () => {
  const port = (members: string): string => `export interface Store {\n${members}}\n`;
  const methods = (count: number): string =>
    Array.from({ length: count }, (_, at) => `  m${at}(a: number): void;\n`).join('');

  test('12 methods pass, properties are not counted', () => {
    const members =
      methods(12) + Array.from({ length: 20 }, (_, at) => `  readonly p${at}: string;\n`).join('');
    assert.deepEqual(measureSource('packages/server/src/ports/store.ts', port(members)), []);
  });

  test('13 methods do not, and a property that holds a function is one', () => {
    const path = 'packages/server/src/ports/store.ts';
    assert.equal(measureSource(path, port(methods(13)))[0]?.rule, 'portMethods');
    assert.equal(
      measureSource(path, port(`${methods(12)}  readonly f: () => void;\n`))[0]?.rule,
      'portMethods',
    );
  });

  test('interfaces elsewhere may have more', () => {
    assert.deepEqual(measureSource('packages/server/src/http/routes.ts', port(methods(13))), []);
  });
});

describe('folders', () => {
  const files = (folder: string, count: number): string[] =>
    Array.from({ length: count }, (_, at) => `${folder}file-${at}.ts`);

  test('15 files pass, 16 do not; subfolders count for themselves', () => {
    assert.deepEqual(measureFolders([...files('a/', 15), ...files('a/b/', 15)]), []);
    assert.deepEqual(
      measureFolders(files('a/', 16)).map(({ path, rule }) => [path, rule]),
      [['a', 'folderFiles']],
    );
  });

  test('16 visible entries in the root pass, 17 do not; hidden ones do not count', () => {
    const hidden = ['.a', '.b', '.c/d'];
    assert.deepEqual(measureFolders([...files('', 15), 'docs/a.md', 'docs/b.md', ...hidden]), []);
    assert.equal(measureFolders([...files('', 16), 'docs/a.md'])[0]?.rule, 'rootEntries');
  });
});

describe('files and exceptions', () => {
  test('400 lines pass, 401 do not, data may be longer', (context) => {
    const tree = {
      'fits.md': lines(400, 'x'),
      'long.md': lines(401, 'x'),
      'open-end.md': `${lines(400, 'x')}x`,
      'data.json': lines(500, '1'),
    };
    const findings = checkSizes(temporaryTree(context, tree), Object.keys(tree), []);
    assert.deepEqual(
      findings.map(({ path }) => path),
      ['long.md', 'open-end.md'],
    );
  });

  test('an exception covers its own path and rule only, and must be needed', (context) => {
    const tree = { 'a.ts': lines(401, '// x'), 'b.ts': lines(401, '// x'), 'c.ts': '' };
    const root = temporaryTree(context, tree);
    const reason = 'a test';
    const check = (rule: 'fileLines' | 'functionLines', path: string): readonly string[] =>
      checkSizes(root, Object.keys(tree), [{ path, rule, reason }]).map((finding) => finding.path);
    assert.deepEqual(check('fileLines', 'a.ts'), ['b.ts']);
    assert.deepEqual(check('functionLines', 'a.ts'), ['a.ts', 'b.ts', 'a.ts']);
    assert.deepEqual(check('fileLines', 'c.ts'), ['a.ts', 'b.ts', 'c.ts']);
  });
});
