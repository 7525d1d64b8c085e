import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { Parcel, ParcelSource } from '../crash/crash-client.ts';
import { DetectionParcels, EnvelopeParcels } from '../crash/detection-parcels.ts';
import { EventParcels } from '../crash/event-parcels.ts';
import {
  countingName,
  listenerName,
  observedAt,
  observedSeq,
  sameDetection,
  wireCounted,
  wireDetection,
} from '../crash/fleet/fleet-detections.ts';
import { metrics, pointAt, pointLine, pointOf, telemetryDevice } from '../crash/fleet/fleet-telemetry.ts';
import { Ledger, type ObservationKey } from '../crash/ledger.ts';
import {
  compareCounted,
  compareDetections,
  compareNetworks,
  compareTelemetry,
} from '../crash/observations-back.ts';
import type { Tally } from '../crash/read-back.ts';
import { printReport, tallyLines } from '../crash/report.ts';
import { TelemetryParcels } from '../crash/telemetry-parcels.ts';
import { JsonClient } from '../harness/json-client.ts';

const devices = 2;
const made = 40;

/** What a server that has kept everything would show: points by device and metric, detections by device, in pages. */
class Kept {
  readonly points = new Map<string, { timestamp: string; value: unknown }[]>();
  readonly detections = new Map<string, Record<string, unknown>[]>();

  point(series: string, time: number, value: unknown): void {
    const point = { timestamp: new Date(time).toISOString(), value };
    this.points.set(series, [...(this.points.get(series) ?? []), point]);
  }

  detection(device: string, sent: Record<string, unknown>): void {
    const { lat, lon, timestamp, ...rest } = sent;
    const item = { ...rest, position: { lat, lon }, timestamp: new Date(Number(timestamp)).toISOString() };
    this.detections.set(device, [...(this.detections.get(device) ?? []), item]);
  }

  answer({ pathname, searchParams }: URL): Record<string, unknown> | undefined {
    const device = searchParams.get('device_id');
    const from = Number(searchParams.get('cursor') ?? 0);
    if (pathname === '/api/networks') return { items: [{ detections: 3 }, { detections: 4 }] };
    const telemetry = pathname === '/api/telemetry/range';
    const all = telemetry
      ? this.points.get(`${device} ${searchParams.get('metric')}`)
      : (this.detections.get(String(device)) ?? []);
    if (all === undefined) return undefined;
    const next = from + 7 < all.length ? String(from + 7) : null;
    return { [telemetry ? 'points' : 'items']: all.slice(from, from + 7), next_cursor: next };
  }

  async client(context: TestContext): Promise<JsonClient> {
    const server = createServer(({ url }, response) => {
      const answer = this.answer(new URL(String(url), 'http://127.0.0.1'));
      response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const client = new JsonClient(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    context.after(() => {
      client.close();
      server.close();
    });
    return client;
  }
}

/** A ledger whose observations are all acknowledged, and a server that keeps them. */
function kept(keep: (kept: Kept, key: ObservationKey) => void): { ledger: Ledger; server: Kept } {
  const ledger = new Ledger(devices, 'thing');
  const server = new Kept();
  for (let device = 0; device < devices; device++) {
    for (let seq = 0; seq < made; seq++) {
      const key = ledger.make(device);
      ledger.note(key, 'stored');
      keep(server, key);
    }
  }
  return { ledger, server };
}

function keepPoint(server: Kept, { device, seq }: ObservationKey): void {
  const { metric, time, value } = pointOf(device, seq);
  server.point(`${telemetryDevice(device)} ${metric}`, time, value);
}

function keepDetection(server: Kept, { device, seq }: ObservationKey): void {
  server.detection(listenerName(device), wireDetection(device, seq));
}

function keepCounted(server: Kept, { device, seq }: ObservationKey): void {
  const sent = wireCounted(device, seq);
  if (sent['kind'] === 'detection') server.detection(countingName(device), sent);
  else server.point(`${countingName(device)} counted`, Number(sent['timestamp']), sent['value']);
}

const counts = ({ stored, lost, duplicates, foreign }: Tally) => [stored, lost, duplicates, foreign];
const total = devices * made;

/** Each kind: how it is kept and compared, and one place where what is kept can be spoiled. */
const kinds = {
  points: {
    ...{ keep: keepPoint, compare: compareTelemetry },
    items: (server: Kept) => server.points.get(`${telemetryDevice(1)} load`) as unknown[],
    other: (item: object) => ({ ...item, value: 0.5 }),
  },
  detections: {
    ...{ keep: keepDetection, compare: compareDetections },
    items: (server: Kept) => server.detections.get(listenerName(1)) as unknown[],
    other: (item: object) => ({ ...item, name: 'another' }),
  },
  'counted telemetry': {
    ...{ keep: keepCounted, compare: compareCounted },
    items: (server: Kept) => server.points.get(`${countingName(1)} counted`) as unknown[],
    other: (item: object) => ({ ...item, value: 0.5 }),
  },
  'counted detections': {
    ...{ keep: keepCounted, compare: compareCounted },
    items: (server: Kept) => server.detections.get(countingName(1)) as unknown[],
    other: (item: object) => ({ ...item, signal_dbm: -5 }),
  },
};

for (const [kind, { keep, compare, items, other }] of Object.entries(kinds)) {
  test(`what is kept of ${kind} is compared with the ledger: lost, doubled, another body, never sent`, async (context) => {
    const { ledger, server } = kept(keep);
    const client = await server.client(context);
    assert.deepEqual(counts(await compare(client, ledger)), [total, 0, 0, 0]);
    const list = items(server);
    const [first] = list.splice(3, 1);
    assert.deepEqual(counts(await compare(client, ledger)), [total - 1, 1, 0, 0]);
    list.push(first, first);
    assert.deepEqual(counts(await compare(client, ledger)), [total + 1, 0, 1, 0]);
    list.splice(-2, 2, other(first as object));
    assert.deepEqual(counts(await compare(client, ledger)), [total, 0, 0, 1]);
    list.splice(-1, 1, first);
    const fewer = new Ledger(devices, 'thing');
    for (let seq = 0; seq < made; seq++) fewer.note(fewer.make(0), 'stored');
    for (let seq = 0; seq < made - 8; seq++) fewer.note(fewer.make(1), 'stored');
    assert.ok((await compare(client, fewer)).foreign > 0);
  });
}

test('what is not acknowledged may be there or not', async (context) => {
  const { server } = kept(keepPoint);
  const ledger = new Ledger(devices, 'point');
  for (let seq = 0; seq < made + 5; seq++)
    for (let device = 0; device < devices; device++) ledger.make(device);
  assert.deepEqual(counts(await compareTelemetry(await server.client(context), ledger)), [total, 0, 0, 0]);
});

test('the detections of all networks are added up', async (context) => {
  assert.equal(await compareNetworks(await new Kept().client(context)), 7);
});

test('every observation of a device has its own time, which tells its number', () => {
  for (const device of [0, 1, 399, 1007]) {
    for (let seq = 0; seq < 2000; seq++) {
      assert.equal(pointAt(device, pointOf(device, seq).time), seq);
      assert.equal(observedSeq(device, observedAt(device, seq)), seq);
    }
  }
  assert.match(pointLine(7, 0), /^load,host=tele-0007 value=[\d.]+ \d{13}$/);
  assert.match(pointLine(7, 2), /^mode,host=tele-0007 value="mode \d" \d{13}$/);
  assert.deepEqual(
    metrics.map((metric) => typeof pointOf(7, metrics.indexOf(metric)).value),
    [...['number', 'boolean', 'string']],
  );
  assert.equal(sameDetection(wireDetection(1, 1), { ...wireDetection(1, 1), position: null }), false);
});

test('a ledger counts what is acknowledged without a word about each', () => {
  const ledger = new Ledger(1, 'point');
  const keys = [ledger.make(0), ledger.make(0)];
  ledger.acknowledge(keys);
  ledger.acknowledge(keys);
  assert.equal(ledger.acknowledgedCount, 2);
  assert.equal(ledger.violationCount, 0);
});

const sources: Readonly<Record<string, (ledger: Ledger) => ParcelSource>> = {
  events: (ledger) => new EventParcels(ledger, 500),
  telemetry: (ledger) => new TelemetryParcels(ledger, 500),
  detections: (ledger) => new DetectionParcels(ledger, 500),
  envelopes: (ledger) => new EnvelopeParcels(ledger, 500),
};

for (const [kind, sourceOf] of Object.entries(sources)) {
  test(`parcels of ${kind}: what is made is sent, a repetition is the same, and there is an end of new ones`, () => {
    const ledger = new Ledger(4, kind);
    const source = sourceOf(ledger);
    const paths = new Set<string>();
    for (let sent = 0; sent < 200; sent++) {
      const parcel: Parcel = source.next();
      paths.add(parcel.path);
      const plain = (text: string): string => text.replace(/"sent_at":"[^"]*",?/, '');
      assert.equal(plain(parcel.text()), plain(parcel.text()));
      parcel.note({ status: 500, headers: {}, body: null });
      assert.equal(ledger.violationCount, sent + 1, 'a reply that is no acknowledgement is told');
    }
    assert.ok(ledger.made >= 500 && ledger.made < 1000, `${ledger.made}`);
    assert.equal(ledger.acknowledgedCount, 0);
    // Ways are drawn at random: some may take a while to come.
    const ways = { events: 3, telemetry: 2, detections: 1, envelopes: 1 }[kind] as number;
    for (let again = 0; again < 50 && paths.size < ways; again++) {
      const other = sourceOf(new Ledger(4, kind));
      for (let sent = 0; sent < 200; sent++) paths.add(other.next().path);
    }
    assert.equal(paths.size, ways);
  });
}

test('a report is right only where every number of it is', (context) => {
  context.mock.method(process.stdout, 'write', () => true);
  const { ledger } = kept(keepPoint);
  const sound = { stored: total, lost: 0, duplicates: 0, foreign: 0, examples: [] };
  const clientCounts = { requests: 1, broken: 0, putOff: 0 };
  const right = (tally: Tally): boolean => printReport('title', clientCounts, tallyLines(ledger, tally), []);
  const wrong = (['stored', 'lost', 'duplicates', 'foreign'] as const).map((field) =>
    right({ ...sound, [field]: sound[field] + 1 }),
  );
  const judged = [right(sound), ...wrong];
  ledger.violation('something');
  judged.push(right(sound));
  ledger.make(0);
  judged.push(right({ ...sound, stored: total + 1 }));
  context.mock.restoreAll();
  assert.deepEqual(judged, [true, false, false, false, false, false, false]);
});
