import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Observation } from '@pisync/protocol';
import fc from 'fast-check';
import { ByteWriter } from '../../../../src/adapters/store/sealed/bytes.ts';
import {
  RecordView,
  writeConflict,
  writeRecord,
} from '../../../../src/adapters/store/sqlite/format/record.ts';
import { Tail, type TailIdentity } from '../../../../src/adapters/store/sqlite/state/tail.ts';
import { observation } from '../../../../src/conformance/make-events.ts';
import { identityHash } from '../../../../src/core/identity.ts';

const devices = 3;

/** A kept observation as a plain object. */
interface Kept {
  readonly event: Observation;
  readonly device: number;
  readonly epochIndex: number;
  readonly tie: number;
  readonly position: number;
  readonly chunk: number;
}

type Fate = 'keep' | 'pass over' | 'mark';

const anyEntry = fc.record({
  device: fc.nat({ max: devices - 1 }),
  epochIndex: fc.nat({ max: 2 }),
  seq: fc.oneof(fc.nat({ max: 6 }), fc.constantFrom(2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1)),
  eventId: fc.constantFrom<string>('x', 'y', 'z'),
  none: fc.boolean(),
  text: fc.constantFrom<string | null>(null, '{}', `{"t":"${'x'.repeat(100)}"}`),
  fate: fc.constantFrom<Fate>('keep', 'keep', 'keep', 'pass over', 'mark'),
});
type Entry = typeof anyEntry extends fc.Arbitrary<infer T> ? T : never;

const anyMove = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.array(anyEntry, { maxLength: 6 }).map((entries) => ({ do: 'chunk' as const, entries })),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'cut' as const }) },
  { weight: 2, arbitrary: fc.nat({ max: 12 }).map((events) => ({ do: 'seal' as const, events })) },
);

function eventOf({ device, epochIndex, seq, eventId, none, text }: Entry): Observation {
  const common = { deviceId: `d${device}`, metadata: text };
  if (epochIndex > 0) return observation({ ...common, epoch: `e${epochIndex}`, seq });
  return none ? observation({ ...common, deviceTime: null }) : observation({ ...common, eventId });
}

/** The tail beside a plain list of what it holds. */
class Pair {
  readonly tail = new Tail(1);
  readonly #view = new RecordView();
  #kept: Kept[] = [];
  #chunk = 0;
  #sealedChunk = 0;
  readonly #heads = new Array<number>(devices).fill(0);

  chunk(entries: readonly Entry[]): void {
    const writer = new ByteWriter(16);
    for (const entry of entries) writeRecord(writer, eventOf(entry));
    const expected = new ByteWriter(16);
    const reader = this.tail.beginChunk(writer.written(), entries.length);
    for (const entry of entries) {
      const start = reader.at;
      this.#view.read(reader);
      if (entry.fate === 'keep') this.#keep(entry, start, reader.at, expected);
      else if (entry.fate === 'mark') {
        const mark = new ByteWriter(16);
        writeConflict(mark, `d${entry.device}`);
        this.tail.appendMark(mark.written());
        expected.raw(mark.written());
      }
    }
    const bytes = this.tail.endChunk(this.#chunk + 1);
    assert.deepEqual(Buffer.from(bytes), Buffer.from(expected.written()), 'what goes to the log');
    if (bytes.length > 0) this.#chunk += 1;
  }

  #keep(entry: Entry, start: number, end: number, expected: ByteWriter): void {
    const event = eventOf(entry);
    const { hashed, hashHigh, hashLow } = this.#view;
    const { device, epochIndex } = entry;
    const tie = entry.seq + 0.5;
    const identity = { device, epochIndex, seq: event.seq, hashed, hashHigh, hashLow, tie };
    const position = this.tail.append(start, end, identity, this.#heads[device] as number);
    this.#heads[device] = position;
    this.#kept.push({ event, device, epochIndex, tie, position, chunk: this.#chunk + 1 });
    writeRecord(expected, event);
  }

  /** Seals the oldest closed segments: they are whole chunks, in order, and what is left is still found. */
  seal(events: number): void {
    const { segments, count, lastChunk } = this.tail.sealable(events);
    if (segments === 0) return;
    const sealed = this.#kept.slice(0, count);
    // Segments of nothing but known events hold no chunk at all.
    const newest = Math.max(lastChunk, this.#sealedChunk);
    assert.ok(newest > this.#sealedChunk || count === 0, `chunk ${lastChunk} after ${this.#sealedChunk}`);
    assert.deepEqual(
      sealed.map(({ position }) => position),
      this.#kept.filter(({ chunk }) => chunk <= newest).map(({ position }) => position),
      'all of the chunks up to the last one, and nothing else',
    );
    assert.deepEqual(this.tail.places(count), {
      devices: Int32Array.from(sealed, ({ device }) => device),
      epochs: Int32Array.from(sealed, ({ epochIndex }) => epochIndex),
      ties: Float64Array.from(sealed, ({ tie }) => tie),
    });
    this.tail.drop(segments);
    this.#kept = this.#kept.slice(count);
    this.#sealedChunk = newest;
  }

  check(): void {
    assert.equal(this.tail.events, this.#kept.length);
    for (let device = 0; device < devices; device++) this.#checkWalk(device);
    for (const epochIndex of [0, 1, 2]) {
      for (const seq of [0, 3, 2 ** 32, 2 ** 53 - 1]) {
        for (const eventId of ['x', 'z']) this.#checkFind({ device: 1, epochIndex, seq, eventId });
      }
    }
    for (const { event, device, epochIndex } of this.#kept) {
      if (event.seq === null && event.eventId === null) continue;
      this.#checkFind({ device, epochIndex, seq: event.seq ?? 0, eventId: event.eventId ?? '' });
    }
  }

  #checkWalk(device: number): void {
    const walked: unknown[] = [];
    const view = this.#view;
    this.tail.walk(this.#heads[device] as number, view, (position) => {
      const { epochIndex, tie, metadata, eventId, epoch, seq } = view;
      walked.push({ position, epochIndex, tie, metadata, eventId, epoch, seq });
      return true;
    });
    const own = this.#kept.filter((kept) => kept.device === device).reverse();
    assert.deepEqual(
      walked,
      own.map(({ event: { metadata, eventId, epoch, seq }, position, epochIndex, tie }) => {
        return { position, epochIndex, tie, metadata, eventId, epoch, seq };
      }),
    );
  }

  #checkFind(wanted: { device: number; epochIndex: number; seq: number; eventId: string }): void {
    const { device, epochIndex, seq, eventId } = wanted;
    const counts = epochIndex > 0;
    const entry = { device, epochIndex, seq, eventId, none: false, text: null, fate: 'keep' as const };
    const { high: hashHigh, low: hashLow } = identityHash(eventOf(entry));
    const identity: TailIdentity = { device, epochIndex, seq: counts ? seq : null, hashHigh, hashLow };
    const found: number[] = [];
    this.tail.find(identity, this.#view, () => {
      found.push(this.#view.tie);
      return false;
    });
    const same = this.#kept.filter(
      ({ event, ...kept }) =>
        kept.device === device &&
        (counts
          ? kept.epochIndex === epochIndex && event.seq === seq
          : event.seq === null && event.eventId === eventId),
    );
    assert.deepEqual(found.sort(), same.map(({ tie }) => tie).sort());
  }
}

test('the tail holds, finds, walks and gives up exactly what a plain list would', () => {
  fc.assert(
    fc.property(fc.array(anyMove, { maxLength: 25, size: 'max' }), (moves) => {
      const pair = new Pair();
      for (const move of moves) {
        if (move.do === 'chunk') pair.chunk(move.entries);
        else if (move.do === 'cut') pair.tail.cut();
        else pair.seal(move.events);
        pair.check();
      }
    }),
    { numRuns: 150 },
  );
});

test('a segment that is full is followed by another, and both are found in', () => {
  const tail = new Tail(1);
  const view = new RecordView();
  const writer = new ByteWriter(1024);
  const events = 5000;
  let head = 0;
  for (let chunk = 1; chunk <= 14; chunk++) {
    writer.at = 0;
    for (let event = 0; event < events; event++)
      writeRecord(writer, observation({ epoch: 'e', seq: chunk * events + event }));
    const reader = tail.beginChunk(writer.written(), events);
    for (let event = 0; event < events; event++) {
      const start = reader.at;
      view.read(reader);
      const seq = view.seq as number;
      const entry = { device: 0, epochIndex: 1, seq, hashed: false, hashHigh: 0, hashLow: 0, tie: seq };
      head = tail.append(start, reader.at, entry, head);
    }
    tail.endChunk(chunk);
  }
  assert.equal(tail.events, 14 * events);
  assert.equal(tail.sealable(Number.MAX_SAFE_INTEGER).count, 12 * events);
  let walked = 0;
  tail.walk(head, view, (position) => {
    walked += 1;
    assert.equal(view.seq, position - 1 + events);
    return true;
  });
  assert.equal(walked, 14 * events);
  for (const seq of [events, 7 * events, 15 * events - 1]) {
    const identity = { device: 0, epochIndex: 1, seq, hashHigh: 0, hashLow: 0 };
    assert.ok(tail.find(identity, view, () => view.seq === seq));
  }
});
