import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brokenLinks, checkDocs, postponements, unknownScripts, unprovenMusts } from '../check-docs.ts';
import { temporaryTree } from './temporary-tree.ts';

const reader =
  (tree: Readonly<Record<string, string>>) =>
  (path: string): string | undefined =>
    tree[path];

describe('links', () => {
  const read = reader({ 'docs/a.md': '# One thing\n\n## One thing\n', docs: '', LICENSE: 'x' });

  test('links to files, folders, headings and the web pass', () => {
    const text = [
      '[a](a.md) [b](./a.md#one-thing) [c](a.md#one-thing-1) [d](../LICENSE) [e](../docs/)',
      '[f](https://example.org/x.md) [g](#here) ![h](../LICENSE "title") [i]: ../LICENSE',
      '# Here',
      '`[no](link.md)`',
      '```sh',
      '[no](link.md)',
      '```',
    ].join('\n');
    assert.deepEqual(brokenLinks('docs/b.md', text, read), []);
  });

  for (const link of [
    '[x](b.md)',
    '[x](/a.md)',
    '![x](../a.md)',
    '[x]: nowhere',
    '<img src="x.png">',
    '[x](a.md#two)',
    '[x](#x)',
  ]) {
    test(`broken: ${link}`, () => {
      const problems = brokenLinks('docs/b.md', `# Title\n\n${link}\n`, read);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', /^docs\/b\.md:3: /);
    });
  }
});

test('every npm script that is named must exist', () => {
  const scripts = { test: 'x', check: 'x', 'pack:tarball': 'x' };
  const text = 'npm ci && npm test\nnpm run check, `npm run pack:tarball`. npm install\n';
  assert.deepEqual(unknownScripts('README.md', text, scripts), []);
  assert.equal(
    unknownScripts('README.md', 'a\nnpm run chek', scripts)[0],
    'README.md:2: package.json has no script chek',
  );
  assert.equal(unknownScripts('README.md', 'npm start', scripts).length, 1);
  assert.equal(unknownScripts('README.md', 'npm run toString', scripts).length, 1);
});

test('nothing is put off', () => {
  const word = ['TO', 'DO'].join('');
  assert.equal(
    postponements('a.ts', `x\n// ${word}: later\n`)[0],
    `a.ts:2: puts something off: // ${word}: later`,
  );
  assert.equal(postponements('a.ts', `// ${['FIX', 'ME'].join('')}`).length, 1);
  assert.deepEqual(postponements('a.ts', `const ${word}S = 'mastodon'; // to do`), []);
});

describe('specs', () => {
  const source = [
    "// the store's comment has a quote",
    "test('keeps a device\\'s event', () => {});",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the source of a test with a template.
    'for (const kind of kinds) test(`refuses the kind ${kind} at once`, () => {});',
    "describe('store; (memory)', () => {});",
  ].join('\n');
  const read = reader({ 'packages/server/test/a.test.ts': source, 'b.test.ts': "it('b works')" });
  const check = (text: string): readonly string[] => unprovenMusts('docs/spec/a.md', text, read);
  const proof = (title: string, file = 'packages/server/test/a.test.ts'): string =>
    `(proven by: ${file}: ${title})`;

  test('a MUST with a test that exists passes', () => {
    assert.deepEqual(check(`- It MUST keep. ${proof("keeps a device's event")}`), []);
    assert.deepEqual(check(`It MUST\nkeep.\n${proof('refuses the kind blob at once')}.\n\nMore text.`), []);
    assert.deepEqual(
      check(`1. It MUST NOT. ${proof('store; (memory)', '`packages/server/test/a.test.ts`')}`),
      [],
    );
    assert.deepEqual(check(`| It MUST | ${proof('store; (memory)')} |`), []);
    const two = proof("keeps a device's event; b.test.ts: b works");
    assert.deepEqual(check(`- It MUST. ${two}`), []);
  });

  test('no proof, no file, no such title: each is told with its line', () => {
    assert.match(
      check('# Title\n\n- a\n- It MUST keep.')[0] ?? '',
      /^docs\/spec\/a\.md:4: .*does not end with/,
    );
    assert.match(check(`It MUST. ${proof('x', 'c.test.ts')}`)[0] ?? '', /no file that exists/);
    assert.match(check(`It MUST. ${proof('keeps')}`)[0] ?? '', /no test with the title: keeps/);
    assert.match(check(`It MUST. ${proof('refuses the kind at once')}`)[0] ?? '', /no test with the title/);
    assert.equal(check(`- It MUST. ${proof("keeps a device's event; b.test.ts: c")}`).length, 1);
  });

  test('a proof in the next item does not count', () => {
    assert.equal(check(`- It MUST keep.\n- Also. ${proof("keeps a device's event")}`).length, 1);
  });

  test('SHOULD, code and the paragraph on the key words need no proof', () => {
    assert.deepEqual(check('It SHOULD. `MUST`\n\nMUST and SHOULD as in RFC 2119.\n\n```\nMUST\n```\n'), []);
  });
});

test('a whole tree is checked', (context) => {
  const tree = {
    'package.json': '{"scripts":{"test":"x"}}',
    'README.md': 'npm run gone, [x](gone.md)\n',
    'docs/spec/a.md': 'It MUST.\n',
    'src/a.ts': `// ${['TO', 'DO'].join('')}\n`,
    'image.png': '',
  };
  assert.equal(checkDocs(temporaryTree(context, tree), Object.keys(tree)).length, 4);
});
