import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { detectionTypes, PisyncError } from '@pisync/protocol';
import fc from 'fast-check';
import {
  type DetectionRun,
  liveDetectionRuns,
} from '../../../../src/adapters/store/sqlite/sealed-detections/detection-run.ts';
import { scanRuns } from '../../../../src/adapters/store/sqlite/sealed-detections/detection-scan.ts';
import {
  SealedDetectionLookup,
  type SoughtDetection,
} from '../../../../src/adapters/store/sqlite/sealed-detections/sealed-detection-lookup.ts';
import type { StoredDetection } from '../../../../src/core/detections/detection-columns.ts';
import type { DetectionFilter, GeoBox } from '../../../../src/core/detections/detection-filter.ts';
import { detectionIdentityHash } from '../../../../src/core/detections/detection-identity.ts';
import { greatCircle } from '../../../../src/core/detections/great-circle.ts';
import { matchRows } from '../../../../src/core/detections/match-detections.ts';
import { SealedPlace, wander } from './sealed-rows.ts';

const byOrdinal = (a: StoredDetection, b: StoredDetection): number => a.ordinal - b.ordinal;

function found(place: SealedPlace, filter: DetectionFilter, floor?: () => number): StoredDetection[] {
  const runs = place.runs.live.map(({ id }) => id);
  const rows: StoredDetection[] = [];
  for (const block of scanRuns(place.db, runs, filter, floor)) {
    for (const row of matchRows(block.columns, filter)) rows.push(block.detection(row));
  }
  return rows.sort(byOrdinal);
}

/** As plainly as it can be said. */
function meets(detection: StoredDetection, filter: DetectionFilter): boolean {
  const { position, timestamp, signalDbm } = detection;
  const { box, around, from, to, types, minSignal, maxSignal } = filter;
  if (from !== undefined && timestamp < from) return false;
  if (to !== undefined && timestamp >= to) return false;
  if (types !== undefined && !types.includes(detection.type)) return false;
  if (minSignal !== undefined && (signalDbm === null || signalDbm < minSignal)) return false;
  if (maxSignal !== undefined && (signalDbm === null || signalDbm > maxSignal)) return false;
  if (box === undefined && around === undefined) return true;
  if (position === null) return false;
  const { lat, lon } = position;
  if (around !== undefined && greatCircle(lat, lon, around.lat, around.lon) > around.radius) return false;
  return box === undefined || isInside(box, lat, lon);
}

function isInside({ south, west, north, east }: GeoBox, lat: number, lon: number): boolean {
  if (lat < south || lat > north) return false;
  return west <= east ? lon >= west && lon <= east : lon >= west || lon <= east;
}

const lat = fc.oneof(
  fc.double({ min: -90, max: 90, noNaN: true }),
  fc.constantFrom(52.5, -17.8, 89.9, -33.9),
);
const lon = fc.oneof(fc.double({ min: -180, max: 180, noNaN: true }), fc.constantFrom(13.4, 179.98, -179.98));
const time = fc.integer({ min: 1_699_999_000_000, max: 1_701_001_000_000 });
const signal = fc.integer({ min: -100, max: -20 });

const anyFilter: fc.Arbitrary<DetectionFilter> = fc.record(
  {
    box: fc
      .tuple(lat, lat, lon, lon)
      .map(([a, b, west, east]) => ({ south: Math.min(a, b), north: Math.max(a, b), west, east })),
    around: fc.record({ lat, lon, radius: fc.constantFrom(1, 500, 4000, 50_000, 3e6) }),
    from: time,
    to: time,
    types: fc.subarray([...detectionTypes]),
    minSignal: signal,
    maxSignal: signal,
  },
  { requiredKeys: [] },
);

/** Random seals and merges of runs. */
const anyHistory = fc.array(
  fc.record({ rows: fc.integer({ min: 1, max: 120 }), seed: fc.nat(), merge: fc.boolean() }),
  { minLength: 1, maxLength: 7 },
);

function build(history: readonly { rows: number; seed: number; merge: boolean }[]): {
  place: SealedPlace;
  all: StoredDetection[];
} {
  const place = new SealedPlace();
  const all: StoredDetection[] = [];
  for (const { rows, seed, merge } of history) {
    const detections = wander(rows, seed, all.length + 1);
    place.seal(detections);
    all.push(...detections);
    const ids = place.runs.live.map(({ id }) => id);
    if (merge && ids.length > 1) place.merge(ids.slice(-3));
  }
  return { place, all };
}

/** Runs of more than one block, alone and merged. */
function large(): { place: SealedPlace; all: StoredDetection[] } {
  const place = new SealedPlace();
  const all: StoredDetection[] = [];
  for (let seed = 1; seed <= 3; seed++) {
    const detections = wander(6000, seed, all.length + 1);
    place.seal(detections);
    all.push(...detections);
  }
  place.merge(place.runs.live.slice(0, 2).map(({ id }) => id));
  return { place, all };
}

describe('sealed detections', () => {
  test('whatever is sealed and merged, every filter finds what a plain list has', () => {
    fc.assert(
      fc.property(anyHistory, fc.array(anyFilter, { minLength: 5, maxLength: 5 }), (history, filters) => {
        const { place, all } = build(history);
        for (const filter of [{}, ...filters]) {
          const expected = all.filter((detection) => meets(detection, filter));
          assert.deepStrictEqual(found(place, filter), expected);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('what lies on the edge of a filter is found, if it is in it', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const { place, all } = build(history.map((step) => ({ ...step, rows: 1 + (step.rows % 8) })));
        for (const { timestamp, signalDbm, position, type } of all) {
          const { lat: south = 0, lon: west = 0 } = position ?? {};
          const edges: DetectionFilter[] = [
            ...[{ from: timestamp, to: timestamp + 1 }, { from: timestamp + 1 }, { to: timestamp }],
            ...[{ minSignal: signalDbm ?? 0 }, { maxSignal: signalDbm ?? -200 }, { types: [type] }],
            ...[{ box: { south, north: south, west, east: west } }],
          ];
          for (const filter of edges) {
            const expected = all.filter((detection) => meets(detection, filter));
            assert.deepStrictEqual(found(place, filter), expected);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test('runs of many blocks do so, too, and blocks are left out', () => {
    const { place, all } = large();
    const blocks = (filter: DetectionFilter): number =>
      [
        ...scanRuns(
          place.db,
          place.runs.live.map(({ id }) => id),
          filter,
        ),
      ].length;
    assert.equal(blocks({}), 5);
    assert.ok(blocks({ around: { lat: -33.9, lon: 151.2, radius: 10 } }) < 4);
    fc.assert(
      fc.property(anyFilter, (filter) => {
        const expected = all.filter((detection) => meets(detection, filter));
        assert.deepStrictEqual(found(place, filter), expected);
      }),
      { numRuns: 60 },
    );
  });

  test('blocks come newest first, and end below the floor', () => {
    const { place } = large();
    const newest = (block: { columns: { timestamps: Float64Array } }): number =>
      Math.max(...block.columns.timestamps);
    const ids = place.runs.live.map(({ id }) => id);
    const times = [...scanRuns(place.db, ids, {})].map(newest);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => b - a),
    );
    const floor = times[2] as number;
    assert.deepEqual(
      [...scanRuns(place.db, ids, {}, () => floor)].map(newest),
      times.filter((t) => t >= floor),
    );
  });

  test('runs tell what they hold', () => {
    const { place, all } = large();
    const bytes = (table: string, columns: string): number =>
      Object.values(
        place.db
          .prepare(`SELECT sum(${columns}) FROM ${table} JOIN detection_run r ON r.id = run AND live = 1`)
          .get() ?? {},
      )[0] as number;
    const { live } = place.runs;
    const sum = (of: (run: DetectionRun) => number): number =>
      live.reduce((total, run) => total + of(run), 0);
    assert.equal(
      sum((run) => run.detections),
      all.length,
    );
    assert.equal(
      sum((run) => run.identities),
      all.filter((one) => detectionIdentityHash(one) !== null).length,
    );
    assert.equal(
      sum((run) => run.bytes),
      bytes('detection_block', 'length(hot) + length(cold)') + bytes('detection_identity', 'length(data)'),
    );
    const times = all.map(({ timestamp }) => timestamp);
    assert.equal(Math.min(...live.map((run) => run.minTimestamp)), Math.min(...times));
    assert.equal(Math.max(...live.map((run) => run.maxTimestamp)), Math.max(...times));
    assert.deepEqual(
      live.map(({ level, lastChunk }) => [level, lastChunk]),
      [
        [1, 2],
        [0, 3],
      ],
    );
  });

  test('large texts make small blocks', () => {
    const place = new SealedPlace();
    const detections = wander(400, 8, 1).map((detection) => {
      return { ...detection, metadata: `{"a":"${String(detection.ordinal).repeat(4000)}"}` };
    });
    place.seal(detections);
    const sizes = [
      ...scanRuns(
        place.db,
        place.runs.live.map(({ id }) => id),
        {},
      ),
    ].map(({ count }) => count);
    assert.ok(sizes.length >= 4, `${sizes.length} blocks`);
    assert.deepStrictEqual(found(place, {}), detections);
    const lookup = new SealedDetectionLookup(place.db, place.runs.live);
    assert.ok(detections.every((one) => isKnown(lookup, one) === (detectionIdentityHash(one) !== null)));
  });

  test('what is not live is swept, slice by slice, and nothing else', () => {
    const { place, all } = large();
    place.runs.begin();
    while (place.runs.sweep());
    assert.deepStrictEqual(found(place, {}), all);
    const runs = place.db
      .prepare('SELECT id FROM detection_run ORDER BY id')
      .all()
      .map((row) => row['id']);
    assert.deepEqual(
      runs,
      liveDetectionRuns(place.db)
        .map(({ id }) => id)
        .sort(),
    );
    for (const table of ['detection_block', 'detection_identity']) {
      const kept = place.db.prepare(`SELECT DISTINCT run FROM ${table} ORDER BY run`).all();
      assert.deepEqual(
        kept.map((row) => row['run']),
        runs,
      );
    }
  });

  test('a missing block is damage', () => {
    const { place } = large();
    const ids = place.runs.live.map(({ id }) => id);
    assert.equal([...scanRuns(place.db, ids, {})].length, 5);
    place.db.exec('DELETE FROM detection_block');
    assert.throws(
      () => [...scanRuns(place.db, ids, {})],
      (error) => error instanceof PisyncError && error.code === 'store_damaged',
    );
  });
});

function soughtOf(detection: StoredDetection): SoughtDetection | null {
  const hash = detectionIdentityHash(detection);
  if (hash === null) return null;
  const byBody = detection.seq === null && detection.eventId === null;
  return { hashHigh: hash.high, hashLow: hash.low, digestTime: byBody ? detection.deviceTime : null };
}

function isKnown(lookup: SealedDetectionLookup, detection: StoredDetection): boolean {
  const sought = soughtOf(detection);
  if (sought === null) return false;
  const { ordinal: _ordinal, ...observed } = detection;
  return lookup.find(sought, (candidate) => {
    assert.deepStrictEqual(candidate, observed);
    return true;
  });
}

describe('look-up of sealed identities', () => {
  test('finds every detection that has an identity, and no other', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const { place, all } = build(history);
        const lookup = new SealedDetectionLookup(place.db, place.runs.live);
        for (const detection of all) {
          assert.equal(isKnown(lookup, detection), detectionIdentityHash(detection) !== null);
        }
        const others = wander(50, 4711, 1_000_000);
        assert.ok(others.every((detection) => !isKnown(lookup, detection)));
        assert.equal(lookup.damage, undefined);
      }),
      { numRuns: 40 },
    );
  });

  test('does so in runs of many blocks and parts, also behind a merge', () => {
    const { place, all } = large();
    const lookup = new SealedDetectionLookup(place.db, place.runs.live);
    assert.ok(all.every((one) => isKnown(lookup, one) === (detectionIdentityHash(one) !== null)));
    place.merge(place.runs.live.map(({ id }) => id));
    lookup.refresh(place.runs.live);
    while (place.runs.sweep());
    assert.ok(all.every((one) => isKnown(lookup, one) === (detectionIdentityHash(one) !== null)));
  });

  test('goes on until one is taken', () => {
    const place = new SealedPlace();
    const [first, second] = wander(40, 6, 1).filter((one) => one.eventId !== null) as [
      StoredDetection,
      StoredDetection,
    ];
    const twin = { ...second, ...{ deviceId: first.deviceId, eventId: first.eventId } };
    place.seal([first]);
    place.seal([twin]);
    const lookup = new SealedDetectionLookup(place.db, place.runs.live);
    const seen: string[] = [];
    const sought = soughtOf(first);
    assert.ok(sought !== null);
    assert.equal(
      lookup.find(sought, ({ identity }) => seen.push(identity) < 0),
      false,
    );
    assert.deepEqual(seen, [first.identity, twin.identity]);
  });

  test('reads nothing of a run that has none of that time, or none of that kind', () => {
    const place = new SealedPlace();
    const all = wander(400, 12, 1);
    const byBody = all.filter((one) => one.seq === null && one.eventId === null && one.deviceTime !== null);
    const times = byBody.map(({ deviceTime }) => deviceTime as number);
    const [from, to] = [Math.min(...times), Math.max(...times)];
    place.seal(byBody.slice(0, 60));
    place.seal(byBody.slice(60));
    place.merge(place.runs.live.map(({ id }) => id));
    // Whatever is read now is found to be damaged.
    place.db.exec('UPDATE detection_identity SET data = zeroblob(20)');
    place.db.prepare('UPDATE detection_run SET filter = ?').run(new Uint8Array(64).fill(0xff));
    const damageOf = (digestTime: number | null): string | undefined => {
      const lookup = new SealedDetectionLookup(place.db, place.runs.live);
      assert.equal(
        lookup.find({ hashHigh: 77, hashLow: 1, digestTime }, () => true),
        false,
      );
      return lookup.damage;
    };
    for (const outside of [from - 1, to + 1, null]) assert.equal(damageOf(outside), undefined);
    for (const within of [from, to]) assert.match(String(damageOf(within)), /index of detections/);
  });

  test('takes what cannot be read as not there, and tells it', () => {
    const { place, all } = large();
    place.db.exec('UPDATE detection_identity SET data = zeroblob(20)');
    const lookup = new SealedDetectionLookup(place.db, place.runs.live);
    assert.ok(all.slice(0, 50).every((detection) => !isKnown(lookup, detection)));
    assert.match(String(lookup.damage), /index of detections/);
  });
});
