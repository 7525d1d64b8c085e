import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type ImportServer, startImports } from './import-server.ts';

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
const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => row(from + at)).join('');

async function post(server: ImportServer, query: string, body: string | Uint8Array, headers = {}) {
  const reply = await fetch(`${server.url}/api/imports?${query}`, {
    method: 'POST',
    body: body as string,
    headers,
  });
  const text = await reply.text();
  const lines = text.split('\n').filter((line) => line !== '');
  return {
    status: reply.status,
    text,
    lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** Sends a file and stays on the line. */
function begin(server: ImportServer, query: string) {
  const sending = request(`${server.url}/api/imports?${query}`, { method: 'POST' });
  const replied = once(sending, 'response') as Promise<[import('node:http').IncomingMessage]>;
  replied.catch(() => undefined);
  return { sending, replied };
}

describe('POST /api/imports', () => {
  test('answers with what became of the file, whatever its media type and packing', async () => {
    const server = await startImports();
    const file = `${head}${row(1)}half a ro\n${row(2)}`;
    const expected = {
      line: 5,
      stored: 2,
      duplicate: 0,
      conflict: 0,
      rejected: 1,
      track_points: 0,
      done: true,
    };
    const first = await post(server, 'device_id=unit-1&name=walk.csv', file, { 'content-type': 'image/png' });
    assert.deepEqual([first.status, first.lines], [200, [expected]]);
    assert.match(server.sink.quarantined[0]?.detail ?? '', /^line 4: .*\(walk\.csv\)$/);
    const again = { ...expected, stored: 0, duplicate: 2 };
    assert.deepEqual((await post(server, 'device_id=unit-1', gzipSync(file))).lines, [again]);
    const coded = await post(server, 'device_id=unit-1', gzipSync(file), { 'content-encoding': 'gzip' });
    assert.deepEqual(coded.lines, [again]);
    const rest = await post(server, 'device_id=unit-1&from_line=5', file);
    assert.deepEqual(rest.lines, [{ ...again, duplicate: 1, rejected: 0 }]);
  });

  test('tells about progress while the file is still on its way, and holds nothing of it', async () => {
    const server = await startImports({ requestTimeoutMs: 2000 });
    const { sending, replied } = begin(server, 'device_id=unit-1');
    sending.write(head + rows(0, 5000));
    const [reply] = await replied;
    const lines: string[] = [];
    reply.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
    await setTimeout(700);
    const before = JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>;
    assert.deepEqual([before['done'], before['stored']], [undefined, 4000]);
    assert.equal(server.admission.bufferedBytes, 0);
    sending.end(rows(5000, 5010));
    await once(reply, 'end');
    const last = JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>;
    assert.deepEqual([last['done'], last['stored'], last['line']], [true, 5010, 5012]);
  });

  test('says what is wrong with a request before it answers 200', async () => {
    const server = await startImports({ maxImportBytes: 10_000 });
    const problem = async (query: string, body: string | Uint8Array, headers = {}) => {
      const { status, lines } = await post(server, query, body, headers);
      return [status, lines[0]?.['code'], lines[0]?.['field']];
    };
    assert.deepEqual(await problem('', head), [400, 'invalid_parameter', 'device_id']);
    assert.deepEqual(await problem('device_id=a%20b', head), [400, 'invalid_parameter', 'device_id']);
    assert.deepEqual(await problem('device_id=u&from_line=0', head), [400, 'invalid_parameter', 'from_line']);
    assert.deepEqual(await problem('device_id=u', 'hello'), [415, 'unsupported_media_type', undefined]);
    assert.deepEqual(await problem('device_id=u', ''), [415, 'unsupported_media_type', undefined]);
    assert.deepEqual(await problem('device_id=u', head + rows(0, 200)), [
      413,
      'payload_too_large',
      undefined,
    ]);
    assert.deepEqual(await problem('device_id=u', gzipSync(head + rows(0, 200))), [
      413,
      'payload_too_large',
      undefined,
    ]);
    const damaged = await problem('device_id=u', head, { 'content-encoding': 'gzip' });
    assert.deepEqual(damaged, [400, 'invalid_compression', undefined]);
    server.sink.failAt = 1;
    const failed = await post(server, 'device_id=u', head + row(1));
    assert.deepEqual(
      [failed.status, failed.lines[0]?.['code'], failed.lines[0]?.['line']],
      [503, 'store_unavailable', 0],
    );
  });

  test('ends with a problem and its counts where it breaks off later', async () => {
    const server = await startImports();
    server.sink.failAt = 2;
    const { sending, replied } = begin(server, 'device_id=unit-1');
    sending.write(head + rows(0, 2010));
    const [reply] = await replied;
    sending.end(rows(2010, 5000));
    const text = await Array.fromAsync(reply.setEncoding('utf8')).then((parts) => parts.join(''));
    const last = JSON.parse(text.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    assert.deepEqual([last['code'], last['stored'], last['line']], ['store_unavailable', 2000, 2002]);
  });

  test('keeps what was committed for a client that goes away, and drops the rest', async () => {
    const server = await startImports();
    const { sending, replied } = begin(server, 'device_id=unit-1');
    sending.on('error', () => undefined);
    sending.write(head + rows(0, 3000));
    await replied;
    assert.equal(server.sink.kept.size, 2000);
    sending.destroy();
    await setTimeout(100);
    assert.deepEqual(
      [server.sink.kept.size, server.sink.underWay, server.admission.bufferedBytes],
      [2000, 0, 0],
    );
  });

  test('waits for a slow file longer than for other requests, and not for one that does not come', async () => {
    const server = await startImports({ requestTimeoutMs: 400 });
    const slow = begin(server, 'device_id=unit-1');
    slow.sending.write(head);
    for (let at = 0; at < 6; at += 1) {
      await setTimeout(150);
      slow.sending.write(row(at));
    }
    slow.sending.end();
    const [reply] = await slow.replied;
    const text = await Array.fromAsync(reply.setEncoding('utf8')).then((parts) => parts.join(''));
    assert.match(text, /"stored":6,.*"done":true/);
    const silent = begin(server, 'device_id=unit-1');
    silent.sending.write(head);
    silent.sending.on('error', () => undefined);
    const [refusal] = await silent.replied;
    assert.equal(refusal.statusCode, 408);
    silent.sending.destroy();
  });
});
