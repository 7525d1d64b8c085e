import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type RunningCli, runCli, startCli } from './run-cli.ts';

/** Starts a server on a free port and reads its address from the ready line. */
async function startServer(
  words: readonly string[] = [],
): Promise<{ readonly cli: RunningCli; readonly url: string }> {
  const cli = startCli([
    'serve',
    '--json',
    '--port',
    '0',
    '--store',
    'memory:',
    '--log-level',
    'warn',
    ...words,
  ]);
  await cli.until(/"event":"ready".*\n/);
  const ready =
    cli
      .stdout()
      .split('\n')
      .find((line) => line.includes('"ready"')) ?? '';
  return { cli, url: (JSON.parse(ready) as { url: string }).url };
}

describe('a served fleet', () => {
  let cli: RunningCli;
  let url: string;
  const folder = mkdtempSync(join(tmpdir(), 'pisync-serve-'));
  const ask = (...words: string[]) => runCli([...words, '--url', url]);

  before(async () => {
    ({ cli, url } = await startServer());
  });

  after(async () => {
    cli.child.kill('SIGTERM');
    const { code, signal } = await cli.ended;
    rmSync(folder, { recursive: true });
    assert.deepEqual([code, signal], [0, null]);
  });

  it('takes the event that the greeting shows, and lists its device', async () => {
    const event = { device_id: 'pi-0001', total_files_synced: 42, total_errors: 0 };
    const reply = await fetch(`${url}/api/sync-event`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(event),
    });
    assert.equal(reply.status, 201);
    const { code, stdout } = await ask('devices', '--search', 'pi-0001');
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^DEVICE +STATE +IN A ROW +FAILURES +SYNCS +LAST SYNC +LAST SEEN\npi-0001 +ok +0 +0 +1 +just now +just now\n$/,
    );
    const list = JSON.parse((await ask('devices', '--search', 'pi-0001', '--json')).stdout);
    assert.equal(list.items[0].device_id, 'pi-0001');
    const history = JSON.parse((await ask('history', 'pi-0001', '--json')).stdout);
    assert.equal(history.items[0].total_files_synced, 42);
    assert.match((await ask('history', 'pi-0001')).stdout, /success +42 +0/);
  });

  it('takes a simulated fleet with every fault, and holds each event once', async () => {
    const { code, stdout, stderr } = await ask(
      ...[
        'simulate',
        '--json',
        '--verify',
        '--rate',
        '0',
        '--events',
        '3000',
        '--devices',
        '40',
        '--batch',
        '50',
      ],
      ...[
        '--clock-faults',
        '0.5',
        '--duplicates',
        '0.2',
        '--shuffle',
        '300',
        '--backlog',
        '0.2',
        '--failures',
        '0.5',
      ],
    );
    assert.equal(code, 0, stdout + stderr);
    const report = JSON.parse(stdout);
    assert.equal(report.stored, 3_000);
    assert.equal(report.stored + report.duplicate, report.sent);
    assert.deepEqual(report.verification.differences, []);
    assert.equal(report.verification.held, 3_000);
  });

  it('reads long lists page by page', async () => {
    const words = [
      'simulate',
      '--rate',
      '0',
      '--events',
      '6000',
      '--devices',
      '1200',
      '--batch',
      '500',
      '--seed',
      'many',
    ];
    assert.equal((await ask(...words)).code, 0);
    const list = JSON.parse(
      (await ask('devices', '--search', 'sim-many', '--limit', '5000', '--json')).stdout,
    );
    const names = list.items.map((device: { device_id: string }) => device.device_id);
    assert.ok(names.length > 1_000);
    assert.equal(list.total, names.length);
    assert.deepEqual(names, [...new Set<string>(names)].sort());
    const { stdout, stderr } = await ask('devices', '--search', 'sim-many', '--limit', '7');
    assert.equal(stdout.trim().split('\n').length, 8);
    assert.match(stderr, /^7 of 1,\d+ devices\./);
  });

  it('lists who fails, worst first', async () => {
    const events = Array.from({ length: 5 }, (_, seq) => ({
      device_id: 'broken-1',
      epoch: 'e',
      seq,
      total_files_synced: 0,
      total_errors: 2,
    }));
    await fetch(`${url}/api/sync-events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    const { code, stdout } = await ask(
      'failures',
      '--mode',
      'consecutive',
      '--threshold',
      '4',
      '--limit',
      '1000',
    );
    assert.equal(code, 0);
    assert.match(stdout, /^broken-1 +failing +5 +5 +just now +just now, failed with 2 errors +never$/m);
    const none = await ask('failures', '--threshold', '999999');
    assert.deepEqual([none.code, none.stdout], [0, '']);
    assert.match(none.stderr, /No device has more than 999999 failures/);
  });

  it('ends with 1 for an unknown device', async () => {
    const { code, stderr } = await ask('history', 'nobody');
    assert.equal(code, 1);
    assert.match(stderr, /No event of this device/);
    const json = await ask('history', 'nobody', '--json');
    assert.equal(JSON.parse(json.stderr).error.code, 'device_unknown');
  });

  it('keeps hostile text off the terminal, and lets an operator mend a rejected item', async () => {
    const hostile = {
      device_id: 'pi-2',
      total_files_synced: -1,
      total_errors: 0,
      note: '\u001b]0;pwned\u0007\u202e',
    };
    const post = (body: object) =>
      fetch(`${url}/api/sync-event`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body).replaceAll('\\u001b', '\u001b'),
      });
    assert.equal((await post(hostile)).status, 400);
    await post({ device_id: 'pi-3' });
    const list = JSON.parse((await ask('quarantine', 'list', '--json')).stdout);
    assert.ok(list.items.length >= 2);
    const ids: number[] = list.items.map((item: { id: number }) => item.id);
    for (const words of [['list'], ...ids.map((id) => ['show', String(id)])]) {
      const { code, stdout } = await ask('quarantine', ...words);
      assert.equal(code, 0);
      assert.doesNotMatch(stdout.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
    }
    const mended = list.items.find((item: { device_id: string }) => item.device_id === 'pi-3').id;
    assert.equal((await ask('quarantine', 'replay', String(mended))).code, 1);
    writeFileSync(join(folder, 'fixed.json'), '{"device_id":"pi-3","total_files_synced":1,"total_errors":0}');
    const replayed = await ask('quarantine', 'replay', String(mended), '--with', join(folder, 'fixed.json'));
    assert.equal(replayed.code, 0, replayed.stderr);
    assert.match(replayed.stdout, /left the quarantine: stored \(a sync event of pi-3\)/);
    assert.equal((await ask('quarantine', 'show', String(mended))).code, 1);
    const other = ids.find((id) => id !== mended);
    assert.equal((await ask('quarantine', 'discard', String(other))).code, 0);
    assert.equal((await ask('quarantine', 'discard', String(other))).code, 1);
  });

  it('gives a line of line protocol and a detection another try', async () => {
    const post = (path: string, type: string, body: string) =>
      fetch(url + path, { method: 'POST', headers: { 'content-type': type }, body });
    const newest = async (): Promise<string> => {
      const list = JSON.parse((await ask('quarantine', 'list', '--limit', '1', '--json')).stdout);
      return String(list.items[0].id);
    };
    await post('/write', 'text/plain', 'm value=1');
    const line = await newest();
    assert.equal((await ask('quarantine', 'replay', line)).code, 1);
    const fixed = join(folder, 'fixed.txt');
    writeFileSync(fixed, 'm,host=pi-7 value=1,n=2\n');
    const replayed = await ask('quarantine', 'replay', line, '--with', fixed);
    assert.match(
      replayed.stdout,
      /left the quarantine: stored \(telemetry of pi-7, 2 points\)/,
      replayed.stderr,
    );
    const detection = { device_id: 'pi-7', type: 'wifi', identity: '00:1A:2B:3C:4D:5E' };
    await post('/api/detections', 'application/json', JSON.stringify({ ...detection, identity: 'x' }));
    const other = await newest();
    const broken = await ask('quarantine', 'replay', other, '--with', fixed);
    assert.match(broken.stderr, /Cannot read a JSON object/);
    writeFileSync(fixed, JSON.stringify(detection));
    const mended = await ask('quarantine', 'replay', other, '--with', fixed);
    assert.match(mended.stdout, /left the quarantine: stored \(a detection of pi-7\)/, mended.stderr);
  });

  it('passes the doctor', async () => {
    const { code, stdout } = await ask('doctor', '--json');
    assert.equal(code, 0, stdout);
    const { healthy, findings } = JSON.parse(stdout);
    assert.equal(healthy, true);
    const checks = findings.map(({ check }: { check: string }) => check);
    for (const check of ['node', 'disk', 'reachable', 'clock', 'ready', 'query'])
      assert.ok(checks.includes(check), check);
  });

  it('says which port is taken, and offers another', async () => {
    const port = new URL(url).port;
    const { code, stderr } = await runCli([
      'serve',
      '--store',
      'memory:',
      '--log-level',
      'silent',
      '--port',
      port,
    ]);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is taken.*--port ${Number(port) + 1}`));
  });
});

describe('stopping', { concurrency: 2 }, () => {
  it('greets with a command that works when pasted', async () => {
    const cli = startCli(['serve', '--port', '0', '--store', 'memory:', '--log-level', 'silent']);
    await cli.until('Ctrl-C stops the server.');
    const greeting = cli.stderr();
    assert.equal(cli.stdout(), '');
    const url = /PiSync is ready at (\S+)/.exec(greeting)?.[1] ?? '';
    assert.ok(greeting.includes(`${url}/api-docs`));
    const body = /-d '(.*)'/.exec(greeting)?.[1] ?? '';
    const reply = await fetch(`${url}/api/sync-event`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    assert.equal(reply.status, 201);
    cli.child.kill('SIGINT');
    assert.equal((await cli.ended).code, 0);
  });

  it('treats copies of one signal as one wish', async () => {
    const { cli } = await startServer();
    for (const signal of ['SIGINT', 'SIGINT', 'SIGTERM'] as const) cli.child.kill(signal);
    const { code, signal } = await cli.ended;
    assert.deepEqual([code, signal], [0, null]);
  });

  it('stops at once at a second signal while a request still runs', async () => {
    const { cli, url } = await startServer(['--shutdown-grace-ms', '60000', '--request-timeout-ms', '60000']);
    const { connect } = await import('node:net');
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(
      'POST /api/sync-event HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{"dev',
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    const started = performance.now();
    cli.child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 700));
    cli.child.kill('SIGTERM');
    const { code } = await cli.ended;
    socket.destroy();
    assert.equal(code, 143);
    assert.ok(performance.now() - started < 5_000);
  });
});

describe('a port that something else holds', () => {
  it('is told apart from a running server by the doctor', async () => {
    const other = createServer((socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi'),
    );
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { code, stdout } = await runCli(['doctor', '--url', url]);
    other.close();
    assert.equal(code, 3);
    assert.match(stdout, /is not PiSync/);
  });
});
