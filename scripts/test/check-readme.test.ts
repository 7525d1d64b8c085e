import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandBlocks, missingInCi } from '../check-readme.ts';

const fence = '```';

test('blocks are found with their mode and line', () => {
  const text = [
    '# Title',
    '<!-- run: server -->',
    `${fence}sh`,
    'npm ci && npm start',
    fence,
    '',
    '<!-- run -->',
    '',
    `${fence}bash`,
    'curl x \\',
    '  y',
    fence,
    `${fence}json`,
    '{}',
    fence,
    '<!-- not run: needs a Pi -->',
    `${fence}sh`,
    'reboot',
    fence,
  ].join('\n');
  assert.deepEqual(commandBlocks(text), [
    { line: 2, mode: 'server', commands: 'npm ci && npm start' },
    { line: 7, mode: 'run', commands: 'curl x \\\n  y' },
    { line: 16, mode: 'not run', commands: 'reboot' },
  ]);
});

test('a block that does not say whether it is run is refused', () => {
  assert.throws(() => commandBlocks(`text\n\n${fence}sh\nnpm test\n${fence}\n`), /line 3: .*does not say/);
});

test('a block left to CI must stand there, command by command', () => {
  const [block] = commandBlocks(`<!-- run: ci -->\n${fence}sh\nnpm ci && npm test\n${fence}\n`);
  assert.ok(block !== undefined);
  assert.deepEqual(missingInCi(block, "step 'a' npm ci\n  step 'b' npm test\n"), []);
  assert.deepEqual(missingInCi(block, "# npm ci\nstep 'b' npm test\n"), ['npm ci']);
});
