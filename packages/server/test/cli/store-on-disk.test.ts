import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type RunningCli, runCli, startCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'pisync-disk-'));
const store = 'sqlite:./deep/er/fleet.db';

after(() => rmSync(folder, { recursive: true }));

async function startServer(): Promise<{ readonly cli: RunningCli; readonly url: string }> {
  const cli = startCli(['serve', '--json', '--port', '0', '--store', store, '--log-level', 'silent'], {
    folder,
  });
  await cli.until(/"event":"ready".*\n/);
  return { cli, url: (JSON.parse(cli.stdout()) as { url: string }).url };
}

describe('a store on disk', () => {
  it('gets its folder, survives a restart, and is verified while no server holds it', async () => {
    const first = await startServer();
    assert.ok(existsSync(join(folder, 'deep/er/fleet.db')));
    const words = [
      'simulate',
      '--rate',
      '0',
      '--events',
      '500',
      '--batch',
      '50',
      '--duplicates',
      '0.2',
      '--verify',
      '--json',
    ];
    const run = await runCli([...words, '--url', first.url]);
    assert.equal(run.code, 0, run.stdout + run.stderr);

    const locked = [
      await runCli(['doctor', '--store', store], { folder }),
      await runCli(['serve', '--port', '0', '--store', store, '--log-level', 'silent'], { folder }),
    ];
    for (const { code, stderr } of locked) {
      assert.equal(code, 4, stderr);
      assert.match(stderr, /is open in another PiSync process/);
      assert.doesNotMatch(stderr, /\n {4}at /);
    }

    first.cli.child.kill('SIGTERM');
    assert.equal((await first.cli.ended).code, 0);
    const check = await runCli(['doctor', '--store', store, '--json'], { folder });
    assert.equal(check.code, 0, check.stdout + check.stderr);
    const { findings } = JSON.parse(check.stdout);
    assert.ok(
      findings.some(({ detail }: { detail: string }) => /\b500 events\b/.test(detail)),
      check.stdout,
    );

    const second = await startServer();
    const summary = (await (await fetch(`${second.url}/api/fleet/summary`)).json()) as {
      totals: { syncs: number };
    };
    assert.equal(summary.totals.syncs, 500);
    second.cli.child.kill('SIGTERM');
    assert.equal((await second.cli.ended).code, 0);
  });

  it('is never invented by the doctor', async () => {
    const absent = await runCli(['doctor', '--store', 'sqlite:./absent.db'], { folder });
    assert.equal(absent.code, 2);
    assert.match(absent.stderr, /There is no store at .*absent\.db/);
    assert.ok(!existsSync(join(folder, 'absent.db')));
    assert.equal((await runCli(['doctor', '--store', 'memory:'], { folder })).code, 2);
  });

  it('is refused where its folder cannot be made', async () => {
    mkdirSync(join(folder, 'x'), { recursive: true });
    writeFileSync(join(folder, 'x', 'file'), '');
    const { code, stderr } = await runCli(['serve', '--port', '0', '--store', 'sqlite:./x/file/a.db'], {
      folder,
    });
    assert.equal(code, 2);
    assert.match(stderr, /Cannot create the data folder .*--store sqlite:PATH/);
  });
});
