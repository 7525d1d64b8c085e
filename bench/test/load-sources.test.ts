import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { BatchSource, storedCount } from '../load/batch-source.ts';
import { eventErrors, eventFiles } from '../load/event-template.ts';
import { HerdTemplate } from '../load/herd-template.ts';
import { runSingleLoad, singleGenerator } from '../load/single-load.ts';
import { SingleSource } from '../load/single-source.ts';

interface WireEvent {
  readonly device_id: string;
  readonly epoch?: string;
  readonly seq?: number;
  readonly timestamp: string;
  readonly total_files_synced: number;
  readonly total_errors: number;
}

function bodyOf(request: Buffer): string {
  const [head, body] = request.toString('latin1').split('\r\n\r\n') as [string, string];
  assert.match(head, new RegExp(`content-length: ${body.length}$`));
  return body;
}

test('batches hold each device once a round, in another order each time, with gapless counters', () => {
  const source = new BatchSource({
    devices: 1000,
    batchSize: 500,
    identity: 'seq',
    epoch: 'e',
    connections: 1,
    events: 3000,
  });
  const events: WireEvent[] = [];
  for (let request = source.next(0); request !== null; request = source.next(0)) {
    events.push(...(JSON.parse(bodyOf(request)) as WireEvent[]));
  }
  assert.equal(events.length, 3000);
  assert.equal(new Set(events.map((it) => `${it.device_id} ${it.seq}`)).size, 3000);
  assert.deepEqual(new Set(events.map((it) => it.seq)), new Set([0, 1, 2]));
  const orders = [0, 1000, 2000].map((from) => events.slice(from, from + 1000).map((it) => it.device_id));
  for (const order of orders) assert.equal(new Set(order).size, 1000);
  assert.notDeepEqual(orders[0], orders[1]);
  for (const event of events) {
    const device = Number(event.device_id.slice(3));
    assert.equal(new Date(event.timestamp).toISOString(), event.timestamp);
    assert.equal(event.total_errors, eventErrors(device, event.seq!));
    assert.equal(event.total_files_synced, eventFiles(device, event.seq!));
  }
});

test('events without a counter differ by device and time', () => {
  const options = { devices: 500, batchSize: 500, epoch: 'e', connections: 1, events: 1000 };
  const source = new BatchSource({ ...options, identity: 'digest' });
  const keys = new Set<string>();
  for (let request = source.next(0); request !== null; request = source.next(0)) {
    for (const event of JSON.parse(bodyOf(request)) as WireEvent[]) {
      assert.equal(event.seq, undefined);
      keys.add(`${event.device_id} ${event.timestamp}`);
    }
  }
  assert.equal(keys.size, 1000);
});

test('the reply of a batch names how many were stored', () => {
  assert.equal(storedCount(Buffer.from('{"results":[{"result":"stored"}],"stored":497,"duplicate":3}')), 497);
  assert.equal(storedCount(Buffer.from('{"error":"no"}')), -1);
});

test('an envelope of the herd holds the queue of its device', () => {
  const template = new HerdTemplate({ epoch: 'herd', seqs: [3, 4], first: Date.UTC(2026, 0, 1) });
  const buffer = Buffer.alloc(template.length);
  template.write(buffer, 42, Date.UTC(2026, 10, 20, 8, 30));
  const envelope = JSON.parse(bodyOf(buffer)) as Record<string, unknown> & { observations: WireEvent[] };
  assert.equal(envelope['device_id'], 'pi-000042');
  assert.equal(envelope['sent_at'], '2026-11-20T08:30:00.000Z');
  assert.deepEqual(
    envelope.observations.map((it) => [it.seq, it.total_errors, it.total_files_synced]),
    [3, 4].map((seq) => [seq, eventErrors(42, seq), eventFiles(42, seq)]),
  );
});

test('wrk and the own generator send the same single events', async (context: TestContext) => {
  if (singleGenerator() !== 'wrk') return context.skip('not run here: wrk is not installed');
  const received: WireEvent[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (received.length < 300) received.push(JSON.parse(Buffer.concat(chunks).toString()) as WireEvent);
      response.writeHead(201, { 'content-length': 0 }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const start = 4_999_900;
  const options = { devices: 100_000, epoch: 'e', connections: 1, start };
  const result = await runSingleLoad({ ...options, url: `http://127.0.0.1:${port}/`, seconds: 1 });
  server.close();
  server.closeAllConnections();
  assert.equal(result.errors, 0);
  assert.ok(result.next >= start + received.length);
  const own = new SingleSource(options);
  // The order of replies is that of requests: there is one connection.
  assert.deepEqual(
    received,
    received.map(() => JSON.parse(bodyOf(own.next(0))) as WireEvent),
  );
});
