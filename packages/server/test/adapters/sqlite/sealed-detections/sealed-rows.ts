import { DatabaseSync } from 'node:sqlite';
import { detectionTypes } from '@pisync/protocol';
import fc from 'fast-check';
import { RowSpace } from '../../../../src/adapters/store/sqlite/format/columns/detection-rows.ts';
import { DetectionRuns } from '../../../../src/adapters/store/sqlite/sealed-detections/detection-run.ts';
import {
  mergeDetectionRuns,
  type SealedRow,
  sealDetections,
} from '../../../../src/adapters/store/sqlite/sealed-detections/detection-seal.ts';
import type { DetectionSlice } from '../../../../src/adapters/store/sqlite/sealed-detections/run-builder.ts';
import type { StoredDetection } from '../../../../src/core/detections/detection-columns.ts';
import { detectionIdentityHash } from '../../../../src/core/detections/detection-identity.ts';
import { anyDetection } from '../detections/arbitrary-detection.ts';

/** Any double but NaN, often one of those that are easily lost. */
const anyNumber = fc.oneof(
  fc.double({ noNaN: true }),
  fc.constantFrom(-0, 0, 1e-320, Number.MAX_VALUE, 2 ** 53, -(2 ** 53), 0.1, Number.POSITIVE_INFINITY),
  fc.integer({ min: -1e9, max: 1e9 }).map((value) => value / 1e6),
);
const orNull = fc.option(anyNumber);

/** Detections as no decoder lets them through: every number may be any double. */
export const anyStored: fc.Arbitrary<StoredDetection> = fc
  .record({
    detection: anyDetection,
    position: fc.option(
      fc.record({
        ...{ lat: anyNumber, lon: anyNumber },
        ...{ altitude: orNull, accuracy: orNull, heading: orNull, speed: orNull },
      }),
    ),
    numbers: fc.record({
      ...{ seq: orNull, deviceTime: orNull, sentAt: orNull },
      ...{ channel: orNull, frequencyMhz: orNull, signalDbm: orNull },
      ...{ receivedAt: anyNumber, timestamp: anyNumber, ordinal: anyNumber },
    }),
    clockQuality: fc.constantFrom('ok', 'corrected', 'unknown'),
  })
  .map(({ detection, position, numbers, clockQuality }) => {
    return {
      ...{ ...detection, ...numbers, clockQuality },
      position: position === null ? null : { ...position },
    } as StoredDetection;
  });

export function spaceOf(detections: readonly StoredDetection[]): RowSpace {
  const space = new RowSpace(Math.max(1, detections.length));
  for (const detection of detections) space.add(detection);
  return space;
}

/** The same sequence of numbers from 0 to 1 for a seed. */
export function sequence(seed: number): () => number {
  let state = (seed * 2_654_435_761) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const sites = [
  { lat: 52.5, lon: 13.4 },
  { lat: -17.8, lon: 179.99 },
  { lat: -17.8, lon: -179.99 },
  { lat: 89.9, lon: 0 },
  { lat: -33.9, lon: 151.2 },
];

/** A few places on earth, some years, all ways to be recognised. */
export function wander(count: number, seed: number, firstOrdinal: number): StoredDetection[] {
  const next = sequence(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  return Array.from({ length: count }, (_none, index): StoredDetection => {
    const site = pick(sites);
    const near = (degrees: number): number => Math.round((degrees + next() * 0.1 - 0.05) * 1e6) / 1e6;
    const lat = Math.min(90, near(site.lat));
    const lon = Math.max(-180, Math.min(180, near(site.lon)));
    const time = 1_700_000_000_000 + Math.floor(next() * 1e9);
    const network = Math.floor(next() * 40);
    const kind = next();
    return {
      ...{ kind: 'detection', deviceId: `unit-${network % 3}`, epoch: kind < 0.3 ? 'e1' : null },
      seq: kind < 0.3 ? firstOrdinal + index : null,
      eventId: kind >= 0.3 && kind < 0.5 ? `event ${firstOrdinal + index}` : null,
      deviceTime: kind < 0.8 ? time - 5 : null,
      ...{ sentAt: next() < 0.5 ? time + 1 : null, type: detectionTypes[network % 4] as 'wifi' },
      identity: `00:00:5E:00:53:${(network + 16).toString(16).toUpperCase()}`,
      ...{ name: network % 5 === 0 ? null : `net ${network}`, security: network % 2 === 0 ? 'wpa2' : null },
      ...{ channel: network % 14, frequencyMhz: null, capabilities: null, metadata: null },
      signalDbm: next() < 0.1 ? null : -30 - Math.floor(next() * 60),
      position:
        next() < 0.1 ? null : { lat, lon, altitude: 34, accuracy: next() * 9, heading: null, speed: null },
      ...{ receivedAt: time + 1000, timestamp: time, clockQuality: 'ok', ordinal: firstOrdinal + index },
    };
  });
}

function sealedRow(detection: StoredDetection): SealedRow {
  const hash = detectionIdentityHash(detection);
  return { detection, hashed: hash !== null, hashHigh: hash?.high ?? 0 };
}

/** A store's tables of sealed detections, in memory, with the steps of housekeeping. */
export class SealedPlace {
  readonly db = new DatabaseSync(':memory:');
  readonly runs: DetectionRuns;
  #chunk = 0;

  constructor() {
    this.db.exec(tables);
    this.runs = new DetectionRuns(this.db);
  }

  seal(detections: readonly StoredDetection[]): void {
    const rows = detections.map(sealedRow);
    const run = this.runs.begin();
    this.#chunk += 1;
    this.#store(
      run,
      sealDetections({ run, detections: rows.length, rows, lastChunk: this.#chunk, folded: rows.length }),
    );
  }

  merge(ids: readonly number[]): void {
    const runs = this.runs.live.filter(({ id }) => ids.includes(id));
    const level = Math.max(...runs.map((run) => run.level)) + 1;
    const run = this.runs.begin();
    this.#store(run, mergeDetectionRuns(this.db, { run, level, runs }));
    this.runs.retire(ids);
    this.runs.refresh();
  }

  #store(run: number, slices: Iterable<DetectionSlice>): void {
    for (const slice of slices) {
      this.runs.putBlocks(run, slice);
      if (slice.finished !== null) this.runs.activate(slice.finished);
    }
    this.runs.refresh();
  }
}

const tables = `CREATE TABLE detection_run (
    id INTEGER PRIMARY KEY AUTOINCREMENT, live INTEGER NOT NULL, level INTEGER NOT NULL, detections INTEGER NOT NULL,
    bytes INTEGER NOT NULL, min_timestamp INTEGER NOT NULL, max_timestamp INTEGER NOT NULL, last_chunk INTEGER NOT NULL,
    identities INTEGER NOT NULL, digests INTEGER NOT NULL, min_digest_time REAL, max_digest_time REAL, filter BLOB
  ) STRICT;
  CREATE TABLE detection_block (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL, zone BLOB NOT NULL, hot BLOB NOT NULL, cold BLOB NOT NULL
  ) STRICT;
  CREATE TABLE detection_identity (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, data BLOB NOT NULL) STRICT;`;
