import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ObservedDetection } from '@pisync/protocol';
import fc from 'fast-check';
import { ByteWriter } from '../../../../src/adapters/store/sealed/bytes.ts';
import {
  DetectionTail,
  type SealableDetections,
} from '../../../../src/adapters/store/sqlite/detections/detection-tail.ts';
import {
  DetectionView,
  writeDetection,
} from '../../../../src/adapters/store/sqlite/format/detection-record.ts';
import { detectionIdentityHash } from '../../../../src/core/detections/detection-identity.ts';
import { detection } from './arbitrary-detection.ts';

interface Kept {
  readonly observed: ObservedDetection;
  readonly ordinal: number;
  readonly chunk: number;
}

/** Few identities, so that several detections have the same; `none` has no identity at all. */
const anyEntry = fc.record({
  eventId: fc.constantFrom('x', 'y', 'z', 'none'),
  name: fc.constantFrom<string | null>(null, 'n', 'x'.repeat(100)),
  keep: fc.constantFrom(true, true, false),
});
type Entry = typeof anyEntry extends fc.Arbitrary<infer T> ? T : never;

const anyMove = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.array(anyEntry, { maxLength: 6 }).map((entries) => ({ do: 'chunk' as const, entries })),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'cut' as const }) },
  { weight: 2, arbitrary: fc.nat({ max: 12 }).map((most) => ({ do: 'seal' as const, most })) },
  { weight: 2, arbitrary: fc.constant({ do: 'drop' as const }) },
);

function observedOf({ eventId, name }: Entry): ObservedDetection {
  return detection({ eventId: eventId === 'none' ? null : eventId, name });
}

/** The tail beside a plain list of what it holds. */
class Pair {
  readonly tail = new DetectionTail(5);
  readonly #view = new DetectionView();
  #kept: Kept[] = [];
  #next = 5;
  #chunk = 0;
  #sealedChunk = 0;
  #sealing: SealableDetections | undefined;

  chunk(entries: readonly Entry[]): void {
    const writer = new ByteWriter(0);
    const expected = new ByteWriter(0);
    for (const entry of entries) writeDetection(writer, observedOf(entry));
    const reader = this.tail.beginChunk(writer.written(), entries.length);
    for (const entry of entries) {
      const start = reader.at;
      this.#view.read(reader);
      if (!entry.keep) continue;
      this.tail.append(start, reader.at, this.#view);
      assert.equal(this.#view.ordinal, this.#next);
      const observed = observedOf(entry);
      writeDetection(expected, observed);
      this.#kept.push({ observed, ordinal: this.#next++, chunk: this.#chunk + 1 });
      // Also while a chunk is open, what is kept is found, and the next record is read.
      this.#checkFind(observed);
    }
    const bytes = this.tail.endChunk(this.#chunk + 1);
    assert.deepEqual(Buffer.from(bytes), Buffer.from(expected.written()), 'what goes to the log');
    if (bytes.length > 0) this.#chunk += 1;
  }

  seal(most: number): void {
    const found = this.tail.sealable(most);
    assert.equal(found.nextOrdinal, this.tail.firstOrdinal + found.detections);
    if (found.detections > 0 && this.#sealing === undefined) this.#sealing = found;
  }

  /** Sealing takes a while, in which chunks come in. */
  drop(): void {
    if (this.#sealing === undefined) return;
    const { lastChunk, nextOrdinal } = this.#sealing;
    assert.ok(lastChunk > this.#sealedChunk, `chunk ${lastChunk} after ${this.#sealedChunk}`);
    const left = this.#kept.filter(({ ordinal }) => ordinal >= nextOrdinal);
    const behind = this.#kept.filter(({ chunk }) => chunk > lastChunk);
    assert.deepEqual(left, behind, 'whole chunks');
    this.tail.drop(nextOrdinal);
    this.#kept = left;
    this.#sealedChunk = lastChunk;
    this.#sealing = undefined;
  }

  check(): void {
    const { tail } = this;
    const first = this.#kept[0]?.ordinal ?? this.#next;
    assert.deepEqual(
      [tail.firstOrdinal, tail.nextOrdinal, tail.events],
      [first, this.#next, this.#kept.length],
    );
    const size = new ByteWriter(0);
    for (const { observed } of this.#kept) writeDetection(size, observed);
    assert.equal(tail.bytes, size.at);
    for (const from of [0, first, first + 2, this.#next]) {
      const rows: unknown[] = [];
      for (const view of tail.records(from)) rows.push([view.ordinal, view.toObserved()]);
      const expected = this.#kept.filter(({ ordinal }) => ordinal >= from);
      assert.deepEqual(
        rows,
        expected.map(({ ordinal, observed }) => [ordinal, observed]),
      );
    }
    for (const eventId of ['x', 'y', 'z']) this.#checkFind(detection({ eventId }));
  }

  #checkFind({ eventId }: ObservedDetection): void {
    if (eventId === null) return;
    const hash = detectionIdentityHash(detection({ eventId }));
    assert.ok(hash !== null);
    const found: number[] = [];
    const halves = { hashHigh: hash.high, hashLow: hash.low };
    const all = this.tail.find(halves, (view) => {
      found.push(view.ordinal);
      return false;
    });
    assert.equal(all, false);
    const other = { ...halves, hashHigh: (hash.high ^ 0x100000) >>> 0 };
    assert.ok(!this.tail.find(other, () => true), 'half a hash is none');
    const same = this.#kept.filter(({ observed }) => observed.eventId === eventId);
    assert.deepEqual(
      found.sort((a, b) => a - b),
      same.map(({ ordinal }) => ordinal),
    );
    const last = same[same.length - 1];
    assert.equal(
      this.tail.find(halves, (view) => view.ordinal === last?.ordinal),
      last !== undefined,
    );
  }
}

/** Appends detections `from` to `to`, each numbered by its `seq`, as one chunk. */
function fill(tail: DetectionTail, chunk: number, from: number, to: number, metadata: string | null): void {
  const writer = new ByteWriter(1024);
  const view = new DetectionView();
  for (let seq = from; seq < to; seq++) writeDetection(writer, detection({ epoch: 'e', seq, metadata }));
  const reader = tail.beginChunk(writer.written(), to - from);
  for (let seq = from; seq < to; seq++) {
    const start = reader.at;
    view.read(reader);
    tail.append(start, reader.at, view);
  }
  tail.endChunk(chunk);
}

function holds(tail: DetectionTail, seq: number): boolean {
  const hash = detectionIdentityHash(detection({ epoch: 'e', seq }));
  assert.ok(hash !== null);
  return tail.find({ hashHigh: hash.high, hashLow: hash.low }, (view) => view.seq === seq);
}

describe('tail of detections', () => {
  test('it holds, finds, reads and gives up exactly what a plain list would', () => {
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 20, size: 'max' }), (moves) => {
        const pair = new Pair();
        for (const move of moves) {
          if (move.do === 'chunk') pair.chunk(move.entries);
          else if (move.do === 'cut') pair.tail.cut();
          else if (move.do === 'seal') pair.seal(move.most);
          else pair.drop();
          pair.check();
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a segment that is full of detections is followed by another, and both are found in', () => {
    const tail = new DetectionTail(1);
    const size = 20_000;
    for (let chunk = 1; chunk <= 4; chunk++) fill(tail, chunk, (chunk - 1) * size, chunk * size, null);
    assert.deepEqual(tail.sealable(1), { detections: 3 * size, lastChunk: 3, nextOrdinal: 3 * size + 1 });
    for (const seq of [0, size, 3 * size - 1, 3 * size, 4 * size - 1]) assert.ok(holds(tail, seq));
    assert.ok(!holds(tail, 4 * size));
    tail.drop(3 * size + 1);
    assert.deepEqual([tail.firstOrdinal, tail.events], [3 * size + 1, size]);
    assert.ok(!holds(tail, 3 * size - 1));
    assert.ok(holds(tail, 3 * size));
  });

  test('a segment that is full of bytes is followed by another, and a chunk may be larger than a segment', () => {
    const tail = new DetectionTail(1);
    const metadata = `{"t":"${'x'.repeat(16_000)}"}`;
    for (let chunk = 1; chunk <= 4; chunk++) fill(tail, chunk, chunk * 200, (chunk + 1) * 200, metadata);
    fill(tail, 5, 1000, 1600, metadata);
    tail.cut();
    assert.equal(tail.sealable(1).lastChunk, 2);
    assert.deepEqual(tail.sealable(10_000), { detections: 1400, lastChunk: 5, nextOrdinal: 1401 });
    for (const seq of [200, 999, 1000, 1599]) assert.ok(holds(tail, seq));
  });

  test('a segment in which nothing was kept is sealed with those before it', () => {
    const tail = new DetectionTail(1);
    fill(tail, 1, 0, 10, null);
    // All that comes to the second segment is known, and the third chunk has no room there.
    for (const bytes of [8 * 1024 * 1024, 9 * 1024 * 1024]) {
      tail.beginChunk(new Uint8Array(bytes), 1);
      assert.equal(tail.endChunk(2).length, 0);
    }
    fill(tail, 2, 10, 20, null);
    assert.deepEqual(tail.sealable(100), { detections: 10, lastChunk: 1, nextOrdinal: 11 });
    tail.cut();
    const all = tail.sealable(100);
    assert.deepEqual(all, { detections: 20, lastChunk: 2, nextOrdinal: 21 });
    tail.drop(all.nextOrdinal);
    assert.deepEqual([tail.firstOrdinal, tail.events, tail.bytes], [21, 0, 0]);
  });

  test('more detections than a segment has room for are refused', () => {
    const tail = new DetectionTail(1);
    const most = DetectionTail.maxChunkDetections;
    assert.throws(() => tail.beginChunk(new Uint8Array(), most + 1), TypeError);
    fill(tail, 1, 0, most, null);
    assert.ok(holds(tail, 0) && holds(tail, most - 1));
    assert.ok(!holds(tail, most));
  });
});
