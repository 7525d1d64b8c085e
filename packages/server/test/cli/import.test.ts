import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { loadBar } from '../../src/cli/bar.ts';
import { ImportJournal, journalFolder } from '../../src/cli/import/import-journal.ts';
import { printImportProgress } from '../../src/cli/import/import-report.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { startImports } from '../http/imports/import-server.ts';
import { runCli, startCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'pisync-cli-import-'));
after(() => rmSync(folder, { recursive: true }));
const environment = { XDG_STATE_HOME: folder };

const head =
  'WigleWifi-1.6,appRelease=1\nMAC,SSID,AuthMode,FirstSeen,Channel,Frequency,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,AccuracyMeters,RCOIs,MfgrId,Type\n';
const mac = (at: number) =>
  `00:1A:2B:${at
    .toString(16)
    .toUpperCase()
    .padStart(6, '0')
    .replace(/(..)(?!$)/g, '$1:')}`;
const row = (at: number) =>
  `${mac(at)},Home,[ESS],2026-11-20 08:30:00,6,2437,-71,48.1371,11.5754,519.5,4.25,,,WIFI\n`;
const rows = (count: number) => Array.from({ length: count }, (_, at) => row(at)).join('');

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function journalEntries(): string[] {
  try {
    return readdirSync(join(folder, 'pisync', 'imports'));
  } catch {
    return [];
  }
}

describe('pisync import', () => {
  it('says in words what became of a file, and that the same file again is nothing new', async () => {
    const server = await startImports();
    const one = fileOf('one.csv', `${head}${rows(3000)}cut in ha\n`);
    const two = fileOf('two.csv.gz', gzipSync(head + rows(10)));
    const words = ['import', one, two, '--device', 'unit-7', '--server', server.url];
    const first = await runCli(words, { environment });
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /one\.csv: 3,000 stored {2}0 duplicate {2}1 rejected \(/);
    assert.match(first.stdout, /two\.csv\.gz: nothing new; 10 detections were stored before/);
    assert.match(first.stderr, /1 row is wrong and was left out.*pisync quarantine list/);
    const second = await runCli(words, { environment });
    assert.match(second.stdout, /one\.csv: nothing new; 3,000 detections were stored before/);
    assert.deepEqual(journalEntries(), []);
    assert.match(
      server.urls.find((url) => url.startsWith('/api/imports')) ?? '',
      /device_id=unit-7&name=one\.csv&from_line=1$/,
    );
  });

  it('prints JSON for programs', async () => {
    const server = await startImports();
    const path = fileOf('json.csv', head + rows(5));
    const { code, stdout, stderr } = await runCli(
      ['import', path, '--device', 'unit-7', '--url', server.url, '--json'],
      { environment },
    );
    assert.equal(`${code}${stderr}`, '0');
    const expected = {
      file: path,
      done: true,
      line: 7,
      stored: 5,
      duplicate: 0,
      conflict: 0,
      rejected: 0,
      track_points: 0,
    };
    assert.deepEqual(JSON.parse(stdout), { files: [expected] });
  });

  it('ends cleanly when it is stopped, and goes on from there', async () => {
    const server = await startImports();
    const path = fileOf('long.csv', head + rows(9000));
    const words = ['import', path, '--device', 'unit-7', '--url', server.url];
    let commits = 0;
    server.sink.pause = () => {
      commits += 1;
      return commits <= 2 ? Promise.resolve() : setTimeout(60_000, undefined, { ref: false });
    };
    const run = startCli(words, { environment });
    const told = () =>
      journalEntries().some((name) =>
        readFileSync(join(folder, 'pisync', 'imports', name), 'utf8').includes(':4002,'),
      );
    while (!told()) await setTimeout(20);
    run.child.kill('SIGINT');
    const stopped = await run.ended;
    assert.equal(stopped.code, 1, stopped.stderr);
    assert.match(
      stopped.stderr,
      /stopped\. Everything up to line 4002 is stored; run the same command again to go on from line 4003\./,
    );
    server.sink.pause = () => Promise.resolve();
    const rest = await runCli(words, { environment });
    assert.match(rest.stderr, /going on from line 4003/);
    assert.match(rest.stdout, /5,000 stored {2}0 duplicate|3,000 stored {2}2,000 duplicate/);
    assert.equal(server.sink.kept.size, 9000);
    assert.deepEqual(journalEntries(), []);
  });

  it('remembers nothing of another file, device or server, and nothing with --restart', async () => {
    const journal = new ImportJournal(join(folder, 'own'));
    const identity = { sha256: 'a', deviceId: 'b', server: 'c' };
    await journal.write(identity, 7);
    await journal.write(identity, 8);
    assert.equal(await journal.read(identity), 8);
    for (const other of [{ sha256: 'x' }, { deviceId: 'x' }, { server: 'x' }]) {
      assert.equal(await journal.read({ ...identity, ...other }), 0);
    }
    const [name = ''] = readdirSync(join(folder, 'own'));
    for (const damage of ['', '[]', readFileSync(join(folder, 'own', name), 'utf8').replace('8', '"8"')]) {
      writeFileSync(join(folder, 'own', name), damage);
      assert.equal(await journal.read(identity), 0, damage);
    }
    const server = await startImports();
    const path = fileOf('again.csv', head + rows(3));
    const words = ['import', path, '--device', 'u', '--url', server.url];
    const { createHash } = await import('node:crypto');
    const sha256 = createHash('sha256')
      .update(head + rows(3))
      .digest('hex');
    const real = new ImportJournal(journalFolder(environment));
    await real.write({ sha256, deviceId: 'u', server: server.url }, 4);
    await runCli([...words, '--restart'], { environment });
    assert.equal(server.sink.kept.size, 3);
    await real.write({ sha256, deviceId: 'u', server: server.url }, 4);
    await runCli(words, { environment });
    assert.deepEqual(
      server.urls.filter((url) => url.startsWith('/api')).map((url) => url.split('&').at(-1)),
      ['from_line=1', 'from_line=5'],
    );
  });
});

describe('what can go wrong', () => {
  it('no such file, a folder, a bad device, no server: the exit codes of all commands', async () => {
    const path = fileOf('some.csv', head);
    const nowhere = ['--url', 'http://127.0.0.1:1'];
    const code = async (...words: string[]) => {
      const { code, stderr } = await runCli(['import', ...words], { environment });
      return `${code} ${stderr}`;
    };
    assert.match(
      await code(join(folder, 'none'), '--device', 'u', ...nowhere),
      /^2 pisync: .*there is no such file/,
    );
    assert.match(await code(folder, '--device', 'u', ...nowhere), /^2 pisync: .*it is not a file/);
    assert.match(await code(path, ...nowhere), /^2 pisync: .*--device/);
    assert.match(await code(path, '--device', 'a b', ...nowhere), /^2 pisync: .*character/);
    assert.match(await code(path, '--device', 'u', ...nowhere), /^3 pisync: No PiSync server answers/);
  });

  it('an unknown format, a file that is too large', async () => {
    const server = await startImports({ maxImportBytes: 1_000_000 });
    const run = (path: string) =>
      runCli(['import', path, '--device', 'u', '--url', server.url], { environment });
    const unknown = await run(fileOf('photo.jpg', 'hello'));
    assert.match(`${unknown.code} ${unknown.stderr}`, /^1 pisync: .*none of WiGLE CSV/);
    const large = await run(fileOf('large.csv', head + rows(60_000)));
    assert.match(`${large.code} ${large.stderr}`, /^1 pisync: .*larger than 1000000 bytes/);
  });

  it('a server that fails later: what to do next is said', async () => {
    const server = await startImports();
    server.sink.failAt = 3;
    server.sink.pause = () => setTimeout(700);
    const path = fileOf('fails.csv', head + rows(9000));
    const { code, stderr } = await runCli(['import', path, '--device', 'u', '--url', server.url], {
      environment,
    });
    assert.equal(code, 4, stderr);
    assert.match(stderr, /cannot take writes.*go on from line 4003/);
  });

  it('something else that answers, and an answer that ends too soon', async () => {
    for (const answer of ['<html>', '{"line":1}\n', 'x'.repeat(100_000)]) {
      const server = createServer((request, response) => {
        request.resume();
        response.end(request.url === '/livez' ? '{}' : answer);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const path = fileOf('x.csv', head);
      const { code, stderr } = await runCli(['import', path, '--device', 'u', '--url', url], { environment });
      server.close();
      assert.equal(code, 3, stderr);
    }
  });
});

it('a person who watches sees a bar, anybody else plain lines', async () => {
  const state = {
    file: 'a\u001b[2Jb.csv',
    bytes: 1000,
    sent: 500,
    counts: { line: 9, stored: 5, duplicate: 1, conflict: 0, rejected: 2, points: 0 },
    elapsedMs: 10_000,
  };
  const bar = await loadBar();
  const shown = (isTTY: boolean) => {
    let text = '';
    const stderr = { isTTY, columns: 120, write: (more: string) => (text += more) };
    const terminal = new Terminal({ stdout: stderr, stderr, json: false, color: false, environment: {} });
    printImportProgress(state, bar, terminal);
    return text;
  };
  assert.ok(
    shown(true).includes(
      `${'█'.repeat(12)}${'░'.repeat(12)}  50%  500 B of 1000 B  5 stored  1 duplicate  2 rejected  10 s left`,
    ),
  );
  assert.equal(
    shown(false),
    'a\\u{1b}[2Jb.csv: 50%  500 B of 1000 B  5 stored  1 duplicate  2 rejected  10 s left\n',
  );
});
