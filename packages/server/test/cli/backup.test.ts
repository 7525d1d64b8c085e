import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type CliResult, runCli, startCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'pisync-backup-'));
after(() => rmSync(folder, { recursive: true }));

const store = 'sqlite:./data/fleet.db';
const run = (...words: string[]): Promise<CliResult> => runCli(words, { folder });

async function json(...words: string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await run(...words, '--json');
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

describe('backup, restore and verify', () => {
  it('bring back, under load, everything that was acknowledged before', async () => {
    const server = startCli(['serve', '--json', '--port', '0', '--store', store, '--log-level', 'silent'], {
      folder,
    });
    await server.until(/"event":"ready".*\n/);
    const { url } = JSON.parse(server.stdout()) as { url: string };
    const fleet = ['simulate', '--url', url, '--rate', '0', '--batch', '50', '--history', '100'];
    const first = await run(...fleet, '--events', '3000', '--duplicates', '0.1', '--ledger', 'first.ndjson');
    assert.equal(first.code, 0, first.stderr);

    const words = ['simulate', '--url', url, '--rate', '2000', '--batch', '20', '--duration', '60'];
    const load = startCli([...words, '--ledger', 'second.ndjson'], { folder });
    while (!existsSync(join(folder, 'second.ndjson')) || statSync(join(folder, 'second.ndjson')).size === 0)
      await setTimeout(20);
    const backup = await json('backup', 'backups/', '--store', store);
    assert.ok((backup['events'] as number) >= 3000, JSON.stringify(backup));
    assert.equal(backup['verified'], true);
    const [name] = readdirSync(join(folder, 'backups'));
    assert.match(name ?? '', /^pisync-\d{4}-\d\d-\d\dT\d{6}Z\.db$/);
    load.child.kill('SIGINT');
    await load.ended;

    const held = await run('restore', `backups/${name}`, '--store', store, '--force');
    assert.equal(held.code, 4, held.stderr);
    assert.match(held.stderr, /open in another PiSync process/);
    server.child.kill('SIGTERM');
    assert.equal((await server.ended).code, 0);

    const restored = await run('restore', `backups/${name}`, '--store', 'sqlite:back.db');
    assert.equal(restored.code, 0, restored.stderr);
    assert.match(restored.stdout, /^restored .*back\.db\n/);
    const verified = await run('verify', '--store', 'sqlite:back.db', '--ledger', 'first.ndjson');
    assert.equal(verified.code, 0, verified.stdout);
    assert.match(verified.stdout, /Verified: the store holds each acknowledged event once/);

    // All that was sent is in the store itself; what came behind the backup is missing in the copy.
    assert.equal((await run('verify', '--store', store, '--ledger', 'second.ndjson')).code, 0);
    const later = await json('verify', '--store', 'sqlite:back.db', '--against', store);
    assert.equal(later['equal'], false);
    assert.equal((later['found'] as { events: number }).events, backup['events']);
    const late = await json('verify', '--store', 'sqlite:back.db', '--ledger', 'second.ndjson');
    assert.equal(late['holds'], false);
    assert.equal(
      (late['missing'] as number) + (late['held'] as number),
      readFileSync(join(folder, 'second.ndjson'), 'utf8').trim().split('\n').length,
    );
  });

  it('tell exactly what a store has lost', async () => {
    const copy = await run('restore', 'back.db', '--store', 'sqlite:lost.db');
    assert.equal(copy.code, 0, copy.stderr);
    const same = await run('verify', '--store', 'sqlite:lost.db', '--against', 'sqlite:back.db');
    assert.equal(same.code, 0, same.stdout);
    assert.match(same.stdout, /Verified: every day of every device is the same/);
    assert.equal((await run('restore', 'back.db', '--store', 'sqlite:lost.db')).code, 2);
    const again = await json('restore', 'back.db', '--store', 'sqlite:lost.db', '--force');
    assert.ok(existsSync(again['set_aside'] as string));
    assert.equal((await run('verify', '--store', 'sqlite:lost.db', '--against', 'sqlite:back.db')).code, 0);
  });

  it('refuse what makes no sense, in words', async () => {
    const refusals: readonly [string[], number, RegExp][] = [
      [['backup', 'x.db', '--store', 'memory:'], 2, /Backups of this kind are of sqlite:PATH/],
      [['backup', 'x.db', '--store', 'sqlite:none.db'], 2, /There is no store at .*none\.db/],
      [['backup', 'back.db', '--store', store], 2, /exists already.*--force/],
      [['restore', 'none.db', '--store', 'sqlite:new.db'], 2, /There is no store at .*none\.db/],
      [['verify', '--store', store], 2, /--against URL.*--ledger FILE/],
      [['verify', '--store', 'sqlite:none.db', '--ledger', 'first.ndjson'], 2, /There is no store/],
      [['verify', '--store', store, '--ledger', 'none.ndjson'], 2, /none\.ndjson cannot be read/],
      [['verify', '--store', store, '--ledger', 'a', '--against', store], 2, /cannot be used with/],
    ];
    for (const [words, code, message] of refusals) {
      const result = await run(...words);
      assert.equal(result.code, code, `${words.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr, message);
      assert.doesNotMatch(result.stderr, /\n {4}at /);
    }
    assert.ok(!existsSync(join(folder, 'none.db')) && !existsSync(join(folder, 'new.db')));
  });

  it('refuse a damaged backup, and keep the store', async () => {
    const damaged = new DatabaseSync(join(folder, 'back.db'));
    damaged.exec('UPDATE log SET data = zeroblob(length(data))');
    damaged.close();
    const { code, stderr } = await run('restore', 'back.db', '--store', 'sqlite:lost.db', '--force');
    assert.equal(code, 4);
    assert.match(stderr, /The copy is not sound and was removed/);
    assert.equal((await run('doctor', '--store', 'sqlite:lost.db')).code, 0);
  });
});

describe('a ledger', () => {
  const item = { device_id: 'pi-1', epoch: 'e', seq: 1, total_files_synced: 1, total_errors: 0 };

  it('of which the end was never written is taken without it', async () => {
    const whole = JSON.stringify({ result: 'stored', item });
    writeFileSync(join(folder, 'cut.ndjson'), `${whole}\n\n${whole.replace('"seq":1', '"seq":2')}\n{"resu`);
    const result = await json('verify', '--store', 'sqlite:lost.db', '--ledger', 'cut.ndjson');
    assert.deepEqual([result['acknowledged'], result['missing']], [2, 2]);
    assert.deepEqual(result['faults'], [
      { problem: 'missing', device_id: 'pi-1', event: 'e/1' },
      { problem: 'missing', device_id: 'pi-1', event: 'e/2' },
    ]);
  });

  it('is refused with the line that is wrong', async () => {
    const wrong: readonly [string, RegExp][] = [
      ['{', /Line 2 of .* is not JSON/],
      ['{"item":{}}', /Line 2 of .* has no "result"/],
      ['{"result":"constructor","item":{}}', /Line 2 of .* has no "result"/],
      ['{"result":"stored","item":{"device_id":"?"}}', /Line 2 of .* is no sync event: /],
    ];
    for (const [line, message] of wrong) {
      writeFileSync(join(folder, 'bad.ndjson'), `${JSON.stringify({ result: 'unsure', item })}\n${line}\n`);
      const { code, stderr } = await run('verify', '--store', 'sqlite:lost.db', '--ledger', 'bad.ndjson');
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
  });
});
