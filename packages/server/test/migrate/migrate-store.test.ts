import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type RunningCli, runCli, startCli } from '../cli/run-cli.ts';
import { PostgresServer } from '../postgres/postgres-server.ts';
import { inFolder } from './move-harness.ts';

let server: PostgresServer;
before(async () => {
  server = await PostgresServer.start();
});
after(() => server.stop());

const source = 'sqlite:./data/fleet.db';

/** Starts a server on a store. @returns with its URL */
async function serve(folder: string, store: string): Promise<RunningCli & { readonly url: string }> {
  const words = ['serve', '--json', '--port', '0', '--log-level', 'silent', '--store', store];
  const running = startCli(words, { folder });
  await running.until(/"event":"ready".*\n/);
  return { ...running, url: (JSON.parse(running.stdout()) as { url: string }).url };
}

async function end(running: RunningCli): Promise<void> {
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
}

type Run = (...words: string[]) => ReturnType<typeof runCli>;

/** What can be done while the source is in use: copying, but neither ending the move nor using the target. */
async function copyBeside(run: Run, target: string): Promise<void> {
  const move = ['migrate-store', '--from', source, '--to', target];
  const copied = await run(...move, '--json');
  assert.equal(copied.code, 0, copied.stderr);
  const begun = JSON.parse(copied.stdout) as { finished: boolean; copied: number };
  assert.equal(begun.finished, false);
  assert.ok(begun.copied > 0);
  const early = await run(...move, '--cut-over');
  assert.equal(early.code, 4, early.stderr);
  assert.match(early.stderr, /still open in a PiSync process.*stop that process/s);
  const refused = await run('serve', '--port', '0', '--store', target);
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /is being filled by pisync migrate-store.*--cut-over/s);
}

async function cutOver(run: Run, folder: string, target: string): Promise<void> {
  const moved = await run(
    ...['migrate-store', '--from', source, '--to', target, '--cut-over', '--report', 'move.md'],
  );
  assert.equal(moved.code, 0, moved.stderr);
  assert.match(moved.stdout, /events +[\d,]+ the same/);
  const report = readFileSync(join(folder, 'move.md'), 'utf8');
  assert.match(report, /\*\*The target holds the same as the source\.\*\*/);
  assert.match(report, /\| events \| [\d,]+ \| [\d,]+ \| `[0-9a-f]{16}` \| yes \|/);
  const verified = await run('verify', '--store', target, '--ledger', 'sent.ndjson');
  assert.equal(verified.code, 0, verified.stdout);
}

async function goBack(run: Run, target: string): Promise<void> {
  const back = ['migrate-store', '--from', target, '--to', 'sqlite:back.db', '--still', '1'];
  const returned = await run(...back, '--cut-over');
  assert.equal(returned.code, 0, returned.stderr);
  for (const ledger of ['sent.ndjson', 'more.ndjson'])
    assert.equal((await run('verify', '--store', 'sqlite:back.db', '--ledger', ledger)).code, 0);
  const compared = await run(...back, '--verify-only');
  assert.equal(compared.code, 0, compared.stdout);
  const different = await run('migrate-store', '--from', source, '--to', target, '--verify-only');
  assert.equal(different.code, 1, different.stdout);
  assert.match(different.stdout, /NOT the same/);
}

describe('pisync migrate-store', () => {
  it('moves a fleet while it reports, and back, and loses nothing that was acknowledged', async () => {
    await inFolder(async (folder) => {
      const target = await server.createDatabase();
      const run: Run = (...words) => runCli(words, { folder });
      const first = await serve(folder, source);
      const words = ['simulate', '--url', first.url, '--rate', '2000', '--batch', '20', '--duration', '60'];
      const load = startCli([...words, '--ledger', 'sent.ndjson'], { folder });
      await load.until(/sent|events/i);
      await setTimeout(500);
      await copyBeside(run, target);
      load.child.kill('SIGINT');
      await load.ended;
      await end(first);
      await cutOver(run, folder, target);
      const second = await serve(folder, target);
      const more = [
        'simulate',
        '--url',
        second.url,
        '--rate',
        '0',
        '--events',
        '500',
        '--ledger',
        'more.ndjson',
      ];
      assert.equal((await run(...more)).code, 0);
      await end(second);
      await goBack(run, target);
    });
  });

  it('says what is wrong with its parameters', async () => {
    await inFolder(async (folder) => {
      const run = (...words: string[]) => runCli(['migrate-store', ...words], { folder });
      for (const [words, said] of [
        [['--from', source], /required option '--to/],
        [['--from', source, '--to', source], /same store/],
        [['--from', source, '--to', 'sqlite:other.db'], /There is no store at/],
        [['--from', 'memory:', '--to', source], /between sqlite:PATH and postgres:/],
        [['--from', server.url('nowhere'), '--to', source], /no such database|does not exist/i],
      ] as const) {
        const { code, stderr } = await run(...words);
        assert.equal(code, 2, stderr);
        assert.match(stderr, said);
      }
    });
  });
});
