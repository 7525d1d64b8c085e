import { setImmediate as turn } from 'node:timers/promises';
import { type DetectionType, detectionTypes, formatTimestamp, PisyncError } from '@pisync/protocol';
import { clusterCells } from '../../core/detections/clusters.ts';
import { tileX, tileY } from '../../core/detections/mercator.ts';
import { type EvilTwinCandidate, evilTwins } from '../../core/detections/networks/evil-twin.ts';
import { encodeCursor, type KeyPart, type ListIdentity } from '../../core/paging.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  DetectionFilter,
  DetectionKey,
  DetectionStore,
  GeoBox,
  NetworkFilter,
  NetworkKey,
  NetworkPlace,
  NetworkRecord,
  StoredDetection,
} from '../../ports/detection-store.ts';
import type { Meter } from '../../ports/meter.ts';
import type {
  ChangesRequest,
  ClusterRequest,
  CrossingsRequest,
  DetectionsRequest,
  EvilTwinsRequest,
  HeatRequest,
  MapRequest,
  NetworksRequest,
  SessionsRequest,
} from './detection-requests.ts';
import {
  changeView,
  clusterView,
  crossingView,
  detectionView,
  evilTwinView,
  heatView,
  networkDetailView,
  networkView,
  sessionView,
  type VendorOf,
} from './detection-views.ts';
import { fenceCrossings, newestSessions } from './device-track.ts';
import { brokenCursor, readCursor } from './list-cursor.ts';

/** Items that are read at once where all are wanted: what one page costs in memory. */
const PAGE = 5000;

/** Items that are handed on at once; others get their turn in between. */
const SLICE = 1000;

/** Cells of a heat map at most. */
const MAX_CELLS = 32_768;

/** Cells that clusters are made of at most. */
const MAX_CLUSTERED = 65_536;

/** Cells of a view at most, most of which hold nothing: a screen of 16,384 pixels a side in cells of 16. */
const MAX_VIEW = 2 ** 20;

const MAX_ZOOM = 24;
const TILE_PIXELS = 256;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const WEEK = 7 * DAY;

/** Names whose networks are compared at once, and for one page at most. */
const NAMES = 500;
const MAX_NAMES = 5000;

/** The most that a store gives at once; see the port. */
const MAX_CHANGES = 10_000;

/** Answers what operators ask about detections and networks, in wire form. */
export class DetectionQueries {
  readonly #store: DetectionStore;
  readonly #clock: Clock;
  readonly #meter: Meter;
  readonly #vendorOf: VendorOf;
  readonly #version: string;

  /** @param version - of PiSync, which exported files name */
  constructor(store: DetectionStore, clock: Clock, meter: Meter, vendorOf: VendorOf, version: string) {
    this.#store = store;
    this.#clock = clock;
    this.#meter = meter;
    this.#vendorOf = vendorOf;
    this.#version = version;
  }

  /** Detections, newest first. @throws {PisyncError} `invalid_cursor` */
  async list({ filter, limit, cursor }: DetectionsRequest) {
    const identity = listIdentity('detections', filter);
    const key = readCursor(identity, cursor, ['number', 'number']) as [number, number] | undefined;
    const after = key === undefined ? undefined : { timestamp: key[0], ordinal: key[1] };
    const { items, next } = await this.#timed('detections', filter, () =>
      this.#store.list({ filter, limit, after }),
    );
    return {
      items: items.map((detection) => detectionView(detection, this.#vendorOf)),
      next_cursor: next === null ? null : encodeCursor(identity, [next.timestamp, next.ordinal]),
      limit,
    };
  }

  /** All detections that fit, newest first, a few at a time: in constant memory. */
  everyDetection(filter: DetectionFilter): AsyncGenerator<readonly StoredDetection[], void, undefined> {
    return inSlices((after: DetectionKey | undefined) =>
      this.#timed('every_detection', filter, () => this.#store.list({ filter, limit: PAGE, after })),
    );
  }

  /** All networks that fit, newest seen first, a few at a time. One that is heard meanwhile may be left out. */
  everyNetwork(filter: NetworkFilter): AsyncGenerator<readonly NetworkRecord[], void, undefined> {
    return inSlices((after: NetworkPlace | undefined) =>
      this.#timed('every_network', filter, () => this.#store.networks({ filter, limit: PAGE, after })),
    );
  }

  /** What an exported file says of itself. */
  exportContext(title: string) {
    return { title, createdAt: this.#clock.now(), version: this.#version, vendorOf: this.#vendorOf };
  }

  /** Counts of detections for a heat map. @throws {PisyncError} `invalid_parameter` for a box too large for the zoom */
  async grid(request: HeatRequest<DetectionFilter>) {
    const { zoom, cellZoom } = cellsOf(request, request.cellPixels);
    return heatView(zoom, cellZoom, await this.#grid(request.filter, cellZoom, MAX_CELLS));
  }

  /** Counts of networks at their estimated positions. @throws {PisyncError} as {@link grid} */
  async networkGrid(request: HeatRequest<NetworkFilter>) {
    const { filter } = request;
    const { zoom, cellZoom } = cellsOf(request, request.cellPixels);
    const found = await this.#timed('network_grid', filter, () =>
      this.#store.networkGrid({ filter, zoom: cellZoom, limit: MAX_CELLS }),
    );
    return heatView(zoom, cellZoom, found);
  }

  /** Detections in clusters. @throws {PisyncError} as {@link grid} */
  async clusters(request: ClusterRequest) {
    const { radius } = request;
    // Finer than the radius, so that it hardly shows that cells are merged and not detections.
    const { zoom, cellZoom } = cellsOf(request, radius < 4 * 16 ? 8 : 16);
    const found = await this.#grid(request.filter, cellZoom, MAX_CLUSTERED);
    const clusters = clusterCells(found, { zoom, radius });
    return { zoom, complete: found.complete, clusters: clusters.map(clusterView) };
  }

  #grid(filter: DetectionFilter & { readonly box: GeoBox }, zoom: number, limit: number) {
    return this.#timed('detection_grid', filter, () => this.#store.grid({ filter, zoom, limit }));
  }

  /** Networks, newest seen first. @throws {PisyncError} `invalid_cursor` */
  async networks({ filter, limit, cursor }: NetworksRequest) {
    const identity = listIdentity('networks', filter);
    const key = readCursor(identity, cursor, ['number', 'string', 'string']);
    const after = key === undefined ? undefined : networkPlace(key);
    const { items, next } = await this.#timed('networks', filter, () =>
      this.#store.networks({ filter, limit, after }),
    );
    return {
      items: items.map((network) => networkView(network, this.#vendorOf)),
      next_cursor: next === null ? null : encodeCursor(identity, [next.lastSeenAt, next.type, next.identity]),
      limit,
    };
  }

  /** One network with all that it was seen as. @throws {PisyncError} `network_unknown` */
  async network(key: NetworkKey) {
    const found = await this.#timed('network', key, () => this.#store.network(key));
    if (found !== undefined) return networkDetailView(found, this.#vendorOf);
    throw new PisyncError('network_unknown', { detail: 'No detection of this network was ever stored.' });
  }

  /** What is new, newest first. @throws {PisyncError} `invalid_cursor` */
  async changes(request: ChangesRequest) {
    const { box, limit, cursor } = request;
    const identity = {
      list: 'network-changes',
      filters: { from: request.from, to: request.to, box: JSON.stringify(box) },
    };
    const key = readCursor(identity, cursor, ['number', 'number', 'number', 'number']);
    const [from, to, until, skip] = key === undefined ? this.#window(request) : (key as Window);
    const asked = Math.min(limit + 1 + skip, MAX_CHANGES);
    const query = { from, to: until, box, limit: asked };
    const found = await this.#timed('network_changes', query, () => this.#store.changes(query));
    const items = found.slice(skip, skip + limit);
    return {
      from: formatTimestamp(from),
      to: formatTimestamp(to),
      items: items.map((change) => changeView(change, this.#vendorOf)),
      next_cursor:
        found.length > skip + limit ? encodeCursor(identity, changeKey(from, to, until, skip, items)) : null,
      limit,
    };
  }

  /**
   * Networks that may pretend to be another one, by name. A name's candidates stay together, so that a page may hold a few
   * more than `limit`; it holds fewer where it took 5,000 names to find them.
   *
   * @throws {PisyncError} `invalid_cursor`
   */
  async evilTwins({ newForDays, nearMetres, limit, cursor }: EvilTwinsRequest) {
    const identity = { list: 'evil-twins', filters: { newForDays, nearMetres } };
    let [after] = (readCursor(identity, cursor, ['string']) ?? []) as readonly string[];
    const rule = { now: this.#clock.now(), newForMs: newForDays * DAY, nearMetres };
    const items: EvilTwinCandidate[] = [];
    for (let names = 0; names < MAX_NAMES; names += NAMES) {
      const query = { limit: NAMES, after };
      const found = await this.#timed('namesakes', query, () => this.#store.namesakes(query));
      for (const namesakes of found) {
        items.push(...evilTwins(namesakes, rule));
        after = namesakes.name;
        if (items.length >= limit) break;
      }
      if (items.length >= limit) break;
      if (found.length < NAMES) {
        after = undefined;
        break;
      }
    }
    return {
      items: items.map((item) => evilTwinView(item, this.#vendorOf)),
      next_cursor: after === undefined ? null : encodeCursor(identity, [after]),
      limit,
    };
  }

  /** Stretches in which a device scanned, newest first. @throws {PisyncError} `invalid_cursor` */
  async sessions(request: SessionsRequest) {
    const { deviceId, from, to, gapMinutes, limit, cursor } = request;
    const identity = { list: 'scan-sessions', filters: { deviceId, from, to, gapMinutes } };
    const key = readCursor(identity, cursor, ['number']) as readonly [number] | undefined;
    const batches = this.everyDetection({ deviceIds: [deviceId], from, to: key?.[0] ?? to });
    const { sessions, more } = await newestSessions(batches, gapMinutes, limit);
    const last = sessions[sessions.length - 1];
    return {
      device_id: deviceId,
      gap_minutes: gapMinutes,
      items: sessions.map(sessionView),
      // What is left lies before the last session, and further from it than the gap.
      next_cursor: more && last !== undefined ? encodeCursor(identity, [last.start]) : null,
      limit,
    };
  }

  /** When a device went into a geofence and out of it. @throws {PisyncError} `invalid_parameter`, see {@link fenceCrossings} */
  async crossings({ deviceId, from, to, fence, field }: CrossingsRequest) {
    const batches = this.everyDetection({ deviceIds: [deviceId], from, to });
    const { crossed, positions } = await fenceCrossings(fence, batches, field);
    return { device_id: deviceId, positions, items: crossed.map(crossingView) };
  }

  #window(request: ChangesRequest): Window {
    // To the end of the running minute: so that a repeated read within it is the same, and its ETag holds.
    const to = request.to ?? (Math.floor(this.#clock.now() / MINUTE) + 1) * MINUTE;
    return [request.from ?? to - WEEK, to, to, 0];
  }

  async #timed<T>(name: string, parameters: object, ask: () => Promise<T>): Promise<T> {
    const began = this.#clock.monotonic();
    try {
      return await ask();
    } finally {
      this.#meter.query(name, this.#clock.monotonic() - began, parameters);
    }
  }
}

/** Start and end of the time asked for, the end of what is left of it, and the changes of its last millisecond that were shown. */
type Window = readonly [from: number, to: number, until: number, skip: number];

/**
 * Where a list of changes goes on: at the millisecond of the last one shown, less those of it that were shown.
 *
 * @throws {PisyncError} `invalid_parameter` where more changes have one time than a store gives at once
 */
function changeKey(
  from: number,
  to: number,
  until: number,
  skip: number,
  items: readonly { timestamp: number }[],
) {
  const last = items[items.length - 1]?.timestamp ?? from;
  const same = items.filter(({ timestamp }) => timestamp === last).length;
  // The page before ended within the same millisecond.
  const shown = last + 1 === until ? skip + same : same;
  if (shown < MAX_CHANGES - 1000) return [from, to, last + 1, shown];
  const detail = `Over ${shown} networks changed at ${formatTimestamp(last)}. Ask for a part of the map, by box.`;
  throw new PisyncError('invalid_parameter', { field: 'box', detail });
}

async function* inSlices<Item, Key>(
  page: (after: Key | undefined) => Promise<{ readonly items: readonly Item[]; readonly next: Key | null }>,
): AsyncGenerator<readonly Item[], void, undefined> {
  let after: Key | undefined;
  for (;;) {
    const { items, next } = await page(after);
    for (let at = 0; at < items.length; at += SLICE) {
      yield items.slice(at, at + SLICE);
      await turn();
    }
    if (next === null) return;
    after = next;
  }
}

function listIdentity(list: string, filter: object): ListIdentity {
  return { list, filters: { filter: JSON.stringify(filter) } };
}

function networkPlace(key: readonly KeyPart[]): NetworkPlace {
  const [lastSeenAt, type, identity] = key as [number, string, string];
  if (!(detectionTypes as readonly string[]).includes(type)) throw brokenCursor();
  return { lastSeenAt, type: type as DetectionType, identity };
}

/** The zoom at which tiles are as large as cells on the screen. */
function cellsOf({ filter, zoom }: MapRequest<unknown & object>, pixels: number) {
  const whole = Math.floor(zoom);
  const finer = Math.log2(TILE_PIXELS / pixels);
  let most = whole;
  while (tilesOf(filter.box, Math.min(MAX_ZOOM, most + finer)) > MAX_VIEW) most -= 1;
  if (most === whole) return { zoom: whole, cellZoom: Math.min(MAX_ZOOM, whole + finer) };
  const detail = `The box is larger than any screen at this zoom. Send zoom ${most} or less, or a smaller box.`;
  throw new PisyncError('invalid_parameter', { field: 'zoom', detail });
}

function tilesOf({ west, south, east, north }: GeoBox, zoom: number): number {
  const across = tileX(east, zoom) - tileX(west, zoom);
  return (across + (west > east ? 2 ** zoom : 0) + 1) * (tileY(south, zoom) - tileY(north, zoom) + 1);
}
