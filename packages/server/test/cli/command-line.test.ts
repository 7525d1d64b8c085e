import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { configKeys, flagName } from '../../src/config/schema.ts';
import { runCli, startCli } from './run-cli.ts';

const commands = [
  'serve',
  'config',
  'doctor',
  'demo',
  'simulate',
  'devices',
  'history',
  'failures',
  'quarantine',
];
// Nothing listens on port 1 of a machine that runs tests.
const nowhere = 'http://127.0.0.1:1';

describe('help', { concurrency: 2 }, () => {
  it('lists every command and every exit code', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    for (const command of commands) assert.match(stdout, new RegExp(`^  ${command}\\b`, 'm'));
    for (const exitCode of [0, 1, 2, 3, 4]) assert.match(stdout, new RegExp(`^  ${exitCode}  `, 'm'));
  });

  for (const command of commands) {
    it(`of ${command} teaches by examples`, async () => {
      const { code, stdout } = await runCli([command, '--help']);
      assert.equal(code, 0);
      assert.match(stdout, /^Usage: pisync /);
      assert.match(stdout, new RegExp(`Examples:\\n(.*\\n)*.*pisync ${command}`));
      for (const name of ['--json', '--no-color', '--url']) assert.ok(stdout.includes(name), name);
    });
  }

  it('of serve names every setting', async () => {
    const { stdout } = await runCli(['serve', '--help']);
    for (const key of configKeys) assert.ok(stdout.includes(flagName(key)), key);
  });

  it('goes to stderr with exit code 2 where no command was named', async () => {
    const { code, stdout, stderr } = await runCli([]);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^Usage: pisync/);
  });
});

describe('wrong command lines', { concurrency: 2 }, () => {
  const wrong: readonly (readonly [words: readonly string[], said: RegExp])[] = [
    [['devises'], /unknown command 'devises'\n\(Did you mean devices\?\)/],
    [['serve', '--prt', '1'], /unknown option '--prt'\n\(Did you mean --port\?\)/],
    [['serve', '--port', '70000'], /port must be an integer from 0 to 65535, but --port says "70000"/],
    [['serve', '--host', '0.0.0.0'], /--allow-unauthenticated/],
    [
      ['serve', '--store', 'mysql://u:hunter2@h/d'],
      /store must be a URL that starts with sqlite: or postgres: or postgresql: or memory:/,
    ],
    [
      ['serve', '--config', '/no/such.json'],
      /Cannot read the configuration file \/no\/such\.json: it does not exist/,
    ],
    [['simulate', '--devices', '0'], /--devices <number>.*integer from 1 to 1000000/],
    [['simulate', '--seed', 'a/b'], /part of device ids/],
    [['simulate', '--history', '5', '--duration', '1', '--url', nowhere], /.*/],
    [['config', 'explain', 'maxItem'], /Did you mean max_items\?/],
    [['history'], /missing required argument 'device'/],
    [['quarantine', 'show', 'abc'], /'abc' is invalid/],
    [['devices', '--url', 'ftp://x'], /"ftp:\/\/x" is not the URL of a server/],
  ];
  for (const [words, said] of wrong) {
    if (words.includes(nowhere)) continue;
    it(`pisync ${words.join(' ')}`, async () => {
      const { code, stdout, stderr } = await runCli(words);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, said);
      assert.doesNotMatch(stderr, /hunter2|\n {4}at /);
    });
  }

  it('tells them as JSON, too', async () => {
    for (const words of [
      ['--json', 'serve', '--port', 'x'],
      ['--json', 'serve', '--prt', '1'],
    ]) {
      const { code, stderr } = await runCli(words);
      assert.equal(code, 2);
      const { error } = JSON.parse(stderr) as { error: { code: string; detail: string } };
      assert.ok(['invalid_config', 'usage'].includes(error.code));
      assert.match(error.detail, /port/);
    }
  });
});

describe('without a server', { concurrency: 2 }, () => {
  for (const words of [
    ['devices'],
    ['history', 'pi-1'],
    ['failures'],
    ['quarantine', 'list'],
    ['simulate'],
    ['doctor'],
  ]) {
    it(`pisync ${words.join(' ')} ends with 3 and says how to start one`, async () => {
      const { code, stdout, stderr } = await runCli([...words, '--url', nowhere]);
      assert.equal(code, 3);
      assert.match(
        `${stdout}${stderr}`,
        /No PiSync server answers at http:\/\/127\.0\.0\.1:1 .*pisync serve/,
      );
    });
  }

  it('takes the address from PISYNC_URL, and prefers --url', async () => {
    const environment = { PISYNC_URL: 'http://127.0.0.1:2' };
    assert.match((await runCli(['devices'], { environment })).stderr, /127\.0\.0\.1:2/);
    assert.match((await runCli(['devices', '--url', nowhere], { environment })).stderr, /127\.0\.0\.1:1 /);
  });
});

describe('pisync config', { concurrency: 2 }, () => {
  it('shows values and their sources', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pisync-config-'));
    writeFileSync(join(folder, 'c.json'), '{"max_items": 5, "port": 1, "max_depth": 4}');
    const environment = { PISYNC_PORT: '2', PISYNC_MAX_DEPTH: '5' };
    const words = [
      'config',
      '--json',
      '--config',
      'c.json',
      '--max-depth',
      '6',
      '--no-allow-unauthenticated',
    ];
    const { code, stdout } = await runCli(words, { environment, folder });
    assert.equal(code, 0);
    const { file, settings } = JSON.parse(stdout);
    assert.equal(file, 'c.json');
    assert.deepEqual(settings.max_items, { value: 5, source: 'file', from: 'c.json' });
    assert.deepEqual(settings.port, { value: 2, source: 'environment', from: 'PISYNC_PORT' });
    assert.deepEqual(settings.max_depth, { value: 6, source: 'flag', from: '--max-depth' });
    assert.deepEqual(settings.allow_unauthenticated, {
      value: false,
      source: 'flag',
      from: '--allow-unauthenticated',
    });
    assert.deepEqual(settings.host, { value: '127.0.0.1', source: 'default', from: 'default' });
    assert.deepEqual(Object.keys(settings), [...configKeys]);
  });

  it('prints an aligned table', async () => {
    const { stdout } = await runCli(['config']);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, configKeys.length + 1);
    const places = new Set(lines.map((line) => line.search(/(FROM|default)$/)));
    assert.equal(places.size, 1);
  });

  it('explains a setting in any of its spellings', async () => {
    for (const name of ['max_items', 'PISYNC_MAX_ITEMS', '--max-items', 'maxItems']) {
      const { code, stdout } = await runCli(['config', 'explain', '--json', '--', name]);
      assert.equal(code, 0, name);
      assert.equal(JSON.parse(stdout).flag, '--max-items');
    }
  });
});

describe('a pipe that closes early', () => {
  it('ends the command without a complaint', async () => {
    const cli = startCli(['config', '--json']);
    cli.child.stdout?.destroy();
    const { code, stderr } = await cli.ended;
    assert.deepEqual([code, stderr], [0, '']);
  });
});

describe('colour', () => {
  it('never reaches a pipe', async () => {
    for (const words of [['config'], ['devices', '--url', nowhere], ['--help']]) {
      const { stdout, stderr } = await runCli(words, { environment: { TERM: 'xterm-256color' } });
      assert.ok(!`${stdout}${stderr}`.includes('\u001b'));
    }
  });
});
