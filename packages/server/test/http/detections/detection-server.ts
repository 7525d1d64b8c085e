import assert from 'node:assert/strict';
import { decodeDetection } from '@pisync/protocol';
import { MemoryDetections } from '../../../src/adapters/store/memory/memory-detections.ts';
import { MemoryNetworks } from '../../../src/adapters/store/memory/memory-networks.ts';
import type { Route } from '../../../src/http/route.ts';
import type { DetectionStore } from '../../../src/ports/detection-store.ts';
import { DetectionQueries } from '../../../src/services/detections/detection-queries.ts';
import type { Reply } from '../harness.ts';
import { type RouteServer, serveRoutes } from './route-harness.ts';

export const now = Date.UTC(2026, 10, 20, 8, 30);
const clock = { now: () => now, monotonic: () => performance.now() };
const meter = { items() {}, points() {}, refused() {}, query() {} };

/** Vendors of addresses that begin with `00:1A:2B`. */
const vendorOf = (mac: string) => (mac.startsWith('00:1A:2B') ? 'Ayecom' : null);

/** A detection as a device sends it, with changes. */
export function heard(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    device_id: 'pw-1',
    timestamp: now - 60_000,
    type: 'wifi',
    identity: '00:1A:2B:3C:4D:5E',
    name: 'Cafe',
    security: 'wpa2',
    channel: 6,
    signal_dbm: -61,
    position: { lat: 48.21, lon: 16.36, accuracy: 5 },
    ...changes,
  };
}

/** A memory store that holds what was sent. */
export function storeOf(sent: readonly Record<string, unknown>[]): DetectionStore {
  const detections = new MemoryDetections(() => {});
  const observed = sent.map((item) => {
    const decoded = decodeDetection(item);
    if (!decoded.ok) throw new TypeError(decoded.problem.detail);
    const { detection } = decoded;
    const timestamp = detection.deviceTime ?? now;
    return { ...detection, receivedAt: now, timestamp, clockQuality: 'ok' as const };
  });
  detections.commit(observed, { has: () => false, heldByOther: () => false, note() {}, conflict() {} });
  const networks = new MemoryNetworks(detections.all, () => {});
  return {
    list: (query) => detections.list(query),
    grid: (query) => detections.grid(query),
    networks: (query) => networks.networks(query),
    network: (key) => networks.network(key),
    networkGrid: (query) => networks.networkGrid(query),
    changes: (query) => networks.changes(query),
    namesakes: (query) => networks.namesakes(query),
  };
}

/** The pages of a list, one behind the other; fails where they do not end. */
export async function everyPage(server: RouteServer, path: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  let cursor: string | null = '';
  for (let pages = 0; cursor !== null; pages += 1) {
    assert.ok(pages < 100, `the pages of ${path} do not end`);
    const mark = path.includes('?') ? '&' : '?';
    const { status, text, body }: Reply = await server.get(`${path}${cursor && `${mark}cursor=${cursor}`}`);
    assert.equal(status, 200, text);
    items.push(...body.items);
    cursor = body.next_cursor;
  }
  return items;
}

/** Serves routes over a store. */
export function serve(routes: readonly Route[], store: DetectionStore): Promise<RouteServer> {
  const detectionQueries = new DetectionQueries(store, clock, meter, vendorOf, '0.0.0');
  return serveRoutes(routes, { clock, detectionQueries } as never);
}
