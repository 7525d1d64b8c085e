import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { ApiClient } from '../../src/cli/client.ts';
import type { FleetPlan } from '../../src/cli/simulate/fleet.ts';
import { fleetDeviceId } from '../../src/cli/simulate/fleet.ts';
import { type DeviceSums, measures } from '../../src/cli/simulate/ledger.ts';
import { FleetRun, type RunOptions, type RunProgress } from '../../src/cli/simulate/run-fleet.ts';
import { compareSums, type FleetSums, type Verification } from '../../src/cli/simulate/verify.ts';

const plan: FleetPlan = {
  seed: 't',
  devices: 5,
  events: 60,
  startMs: 1_770_000_000_000,
  stepMs: 10,
  failures: 0.3,
  clockFaults: 0.3,
  duplicates: 0.2,
  shuffle: 10,
  backlog: 0.1,
};

interface WireEvent {
  readonly device_id: string;
  readonly seq: number;
  readonly epoch: string;
  readonly sent_at: string;
  readonly total_files_synced: number;
  readonly total_errors: number;
  readonly bytes_synced: number;
}

/** A store of the simplest kind, behind a server whose answers a test can spoil. */
class FakeServer {
  readonly held = new Map<string, WireEvent>();
  /** Called for each request before anything is stored; true where it answered itself. */
  before: (request: IncomingMessage, response: ServerResponse, turn: number) => boolean = () => false;
  /** True where the answer to a stored request gets lost. */
  lose: (turn: number) => boolean = () => false;
  turns = 0;
  most = 0;
  #running = 0;

  store(event: WireEvent): 'stored' | 'duplicate' {
    const key = `${event.device_id}/${event.epoch}/${event.seq}`;
    if (this.held.has(key)) return 'duplicate';
    this.held.set(key, event);
    return 'stored';
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.turns += 1;
    const turn = this.turns;
    this.#running += 1;
    this.most = Math.max(this.most, this.#running);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.#running -= 1;
    if (this.before(request, response, turn)) return;
    const body = JSON.parse(Buffer.concat(chunks).toString()) as WireEvent | WireEvent[];
    const results = [body].flat().map((event, index) => ({ index, result: this.store(event) }));
    if (this.lose(turn)) {
      request.socket.destroy();
      return;
    }
    const single = !Array.isArray(body);
    response.writeHead(single && results[0]?.result === 'stored' ? 201 : 200, {
      'content-type': 'application/json',
    });
    response.end(JSON.stringify(single ? { result: results[0]?.result } : { results }));
  }

  sums(): FleetSums {
    const sums = new Map<string, Record<(typeof measures)[number], number>>();
    for (const event of this.held.values()) {
      const zero = Object.fromEntries(measures.map((measure) => [measure, 0])) as Record<
        keyof DeviceSums,
        number
      >;
      const row = sums.get(event.device_id) ?? zero;
      const failed = event.total_errors > 0;
      row.syncs += 1;
      row.success += failed ? 0 : 1;
      row.partial += failed && event.total_files_synced > 0 ? 1 : 0;
      row.failed += failed && event.total_files_synced === 0 ? 1 : 0;
      row.files += event.total_files_synced;
      row.errors += event.total_errors;
      row.bytes += event.bytes_synced;
      sums.set(event.device_id, row);
    }
    return sums;
  }
}

async function runAgainst(
  fake: FakeServer,
  options: Partial<Omit<RunOptions, 'client'>> = {},
): Promise<{ report: RunProgress; verification: Verification; seconds: number }> {
  const server = createServer((request, response) => void fake.handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new ApiClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    timeoutMs: 2_000,
  });
  const settings = {
    plan,
    batch: 1,
    concurrency: 3,
    ratePerSecond: 0,
    durationMs: 0,
    signal: new AbortController().signal,
  };
  const started = performance.now();
  try {
    const run = new FleetRun({ ...settings, ...options, client });
    const report = await run.run();
    const verification = compareSums(plan.seed, plan.devices, run.ledger, new Map(), fake.sums());
    return { report, verification, seconds: (performance.now() - started) / 1_000 };
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
}

describe('a simulated run', () => {
  for (const batch of [1, 7]) {
    it(`counts every item once, ${batch} in a request`, async () => {
      const fake = new FakeServer();
      const { report, verification } = await runAgainst(fake, { batch });
      assert.equal(report.stored, plan.events);
      assert.equal(report.stored + report.duplicate, report.sent);
      assert.ok(report.duplicate > 0);
      assert.equal(report.requests, Math.ceil(report.sent / batch));
      assert.equal(report.errors + report.conflict + report.rejected + report.retries, 0);
      assert.ok(report.latency.p50 > 0 && report.latency.max >= report.latency.p99);
      assert.equal(verification.different, 0);
      assert.equal(verification.held, plan.events);
      assert.ok(fake.most <= 3);
    });

    it(`waits as long as Retry-After says, ${batch} in a request`, async () => {
      const fake = new FakeServer();
      fake.before = (_, response, turn) => {
        if (turn > 3) return false;
        response.writeHead(turn === 1 ? 429 : 503, { 'retry-after': '1' }).end('{"code":"rate_limited"}');
        return true;
      };
      const { report, verification, seconds } = await runAgainst(fake, { batch });
      assert.equal(report.retries, 3);
      assert.equal(report.errors, 0);
      assert.ok(seconds >= 1, `${seconds}`);
      assert.equal(verification.different, 0);
    });

    it(`sends again after a lost answer and stays right, ${batch} in a request`, async () => {
      const fake = new FakeServer();
      fake.lose = (turn) => turn % 5 === 0;
      const { report, verification } = await runAgainst(fake, { batch });
      assert.ok(report.retries > 0);
      assert.equal(report.errors, 0);
      assert.ok(verification.unsure > 0);
      assert.equal(verification.different, 0);
      assert.equal(fake.held.size, plan.events);
    });
  }

  it('gives up what is refused for good, and says why', async () => {
    const fake = new FakeServer();
    fake.before = (_, response) => {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>nginx</h1>');
      return true;
    };
    const { report } = await runAgainst(fake, { batch: 10 });
    assert.equal(report.errors, report.sent);
    assert.match(report.firstError ?? '', /404/);
    assert.equal(report.retries, 0);
  });

  it('counts rejected items', async () => {
    const fake = new FakeServer();
    fake.before = (_, response, turn) => {
      if (turn > 1) return false;
      response.writeHead(400, { 'content-type': 'application/problem+json' });
      response.end('{"code":"missing_field","detail":"no such luck"}');
      return true;
    };
    const { report } = await runAgainst(fake);
    assert.equal(report.rejected, 1);
    assert.match(report.firstError ?? '', /missing_field|no such luck/);
  });

  it('keeps the rate', async () => {
    const { report, seconds } = await runAgainst(new FakeServer(), {
      plan: { ...plan, duplicates: 0 },
      ratePerSecond: 100,
    });
    assert.equal(report.stored, plan.events);
    assert.ok(seconds > 0.55 && seconds < 3, `${seconds}`);
  });

  it('ends by time, and by signal while it waits', async () => {
    const endless = { ...plan, events: Number.POSITIVE_INFINITY };
    const timed = await runAgainst(new FakeServer(), { plan: endless, durationMs: 200 });
    assert.ok(timed.seconds < 2);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    const stopped = await runAgainst(new FakeServer(), {
      plan: endless,
      ratePerSecond: 0.1,
      signal: stop.signal,
    });
    assert.ok(stopped.seconds < 2);
    assert.equal(stopped.verification.different, 0);
  });

  it('stamps sent_at at each attempt', async () => {
    const fake = new FakeServer();
    const before = Date.now();
    await runAgainst(fake, { plan: { ...plan, clockFaults: 0, startMs: 0 } });
    for (const { sent_at } of fake.held.values()) {
      assert.ok(Date.parse(sent_at) >= before && Date.parse(sent_at) <= Date.now());
    }
  });
});

describe('verification', () => {
  it('notices an event that is missing, held twice, or held with other numbers', async () => {
    const fake = new FakeServer();
    const server = createServer((request, response) => void fake.handle(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = new ApiClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const settings = {
      batch: 5,
      concurrency: 1,
      ratePerSecond: 0,
      durationMs: 0,
      signal: new AbortController().signal,
    };
    const run = new FleetRun({ ...settings, plan, client });
    await run.run();
    client.close();
    server.close();
    const compare = (after: FleetSums): Verification =>
      compareSums('t', plan.devices, run.ledger, new Map(), after);
    assert.equal(compare(fake.sums()).different, 0);
    for (const measure of measures) {
      for (const change of [-1, 1]) {
        const after = new Map(fake.sums());
        const [id, sums] = [...after][0] as [string, DeviceSums];
        after.set(id, { ...sums, [measure]: sums[measure] + change });
        const { different, differences } = compare(after);
        assert.equal(different, 1, `${measure} ${change}`);
        assert.deepEqual(
          differences.map((difference) => [difference.device_id, difference.measure]),
          [[id, measure]],
        );
      }
    }
    const lost = new Map(fake.sums());
    lost.delete(fleetDeviceId('t', 0));
    assert.equal(compare(lost).different, 1);
  });
});
