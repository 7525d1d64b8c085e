import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { packPage, unpackPage } from '../../../../src/adapters/store/sqlite/state/device-page.ts';
import { DeviceTable } from '../../../../src/adapters/store/sqlite/state/device-table.ts';
import { KeyIndex } from '../../../../src/adapters/store/sqlite/state/key-index.ts';
import { F } from '../../../../src/core/sync-state.ts';

const longName = `epoch-${'x'.repeat(57)}`;
const anySeq = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 25 }) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 53 - 2, 2 ** 53 - 1) },
);

const anyMove = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('take' as const),
      device: fc.nat({ max: 3 }),
      epoch: fc.constantFrom('a', 'b', `${longName}y`, `${longName}z`, longName),
      // A step on from the last one is the usual case, with its own way through the table.
      seq: fc.option(anySeq, { freq: 2 }),
      conflict: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('crowd' as const), count: fc.integer({ min: 1, max: 300 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reload' as const), early: fc.boolean() }) },
);

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

/** The table beside plain maps. */
class Pair {
  table = new DeviceTable();
  /** By device id, in order of appearance: epochs in order, each with its numbers. */
  readonly devices = new Map<string, Map<string, Set<number>>>();
  readonly #last = new Map<string, number>();

  take(id: string, name: string, wanted: number | null): void {
    const { table } = this;
    const bytes = bytesOf(`..${id}${name}`);
    let device = table.find(bytes, 2, id.length);
    let epochs = this.devices.get(id);
    assert.equal(device >= 0, epochs !== undefined);
    if (epochs === undefined) {
      device = table.create(bytes, 2, id.length);
      epochs = new Map();
      this.devices.set(id, epochs);
    }
    assert.equal(device, [...this.devices.keys()].indexOf(id), 'numbers follow the order of appearance');
    let seen = epochs.get(name);
    let index = table.epochIndex(device, bytes, 2 + id.length, name.length);
    assert.equal(index, seen === undefined ? 0 : [...epochs.keys()].indexOf(name) + 1);
    const seq = wanted ?? Math.min((this.#last.get(id + name) ?? -1) + 1, Number.MAX_SAFE_INTEGER);
    if (seen === undefined) {
      index = table.addEpoch(device, name, seq);
      seen = new Set();
      epochs.set(name, seen);
      assert.equal(index, epochs.size);
    } else {
      assert.equal(table.hasSeq(device, index, seq), seen.has(seq));
      table.addSeq(device, index, seq);
    }
    seen.add(seq);
    this.#last.set(id + name, seq);
    table.rows(device)[table.base(device) + F.syncs]! += 1;
    table.setHead(device, 1);
  }

  /** Every answer, from the start; numbers near those that were taken are asked for, too. */
  check(): void {
    assert.equal(this.table.count, this.devices.size);
    let device = 0;
    for (const [id, epochs] of this.devices) {
      assert.equal(this.table.id(device), id);
      assert.equal(this.table.findText(id), device);
      const names = this.table.epochs(device).map((epoch) => epoch.name);
      assert.deepEqual(names, [...epochs.keys()]);
      for (const [at, seen] of [...epochs.values()].entries()) {
        for (const seq of seen) {
          for (const near of [seq - 1, seq, seq + 1])
            if (near >= 0) assert.equal(this.table.hasSeq(device, at + 1, near), seen.has(near));
        }
      }
      device += 1;
    }
  }

  /** The table as it is read back from its pages; each survives its bytes. */
  reload(): void {
    const next = new DeviceTable();
    const pages = Math.ceil(this.devices.size / 256);
    for (let page = 0; page < pages; page++) {
      const packed = packPage(this.table.takePage(page));
      next.loadPage(unpackPage(page, packed), 7);
      assert.deepEqual(packPage(next.takePage(page)), packed);
    }
    assert.deepEqual(this.table.dirtyPages(), []);
    for (let device = 0; device < this.devices.size; device++) {
      const state = (of: DeviceTable) => of.rows(device).slice(of.base(device), of.base(device) + 33);
      assert.deepStrictEqual(state(next), state(this.table));
      assert.equal(next.applied(device), 7);
    }
    this.table = next;
  }
}

describe('device table', () => {
  test('numbers, epochs and counters are those of plain maps, also after the pages were written and read', () => {
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 60, size: 'max' }), (moves) => {
        const pair = new Pair();
        let crowded = 0;
        for (const move of moves) {
          if (move.do === 'take') pair.take(`pi-${move.device}`, move.epoch, move.seq);
          else if (move.do === 'reload') pair.reload();
          else for (let left = move.count; left > 0; left--) pair.take(`crowd-${crowded++}`, 'a', null);
        }
        pair.check();
        pair.reload();
        pair.check();
      }),
      { numRuns: 60 },
    );
  });

  test('a page that was taken does not change any more, and only what came later is written again', () => {
    const pair = new Pair();
    pair.take('pi-0', 'a', 1);
    assert.deepEqual(pair.table.dirtyPages(), [0]);
    const image = pair.table.takePage(0);
    const bytes = packPage(image);
    assert.deepEqual(pair.table.dirtyPages(), []);
    pair.take('pi-0', 'a', 2);
    pair.take('pi-0', 'b', 9);
    pair.take('pi-1', 'a', 1);
    assert.deepEqual(packPage(image), bytes);
    assert.deepEqual(pair.table.dirtyPages(), [0]);
  });

  test('a new device fills the page that was written before it was full', () => {
    const pair = new Pair();
    for (let device = 0; device < 200; device++) pair.take(`old-${device}`, 'a', 1);
    pair.reload();
    for (let device = 0; device < 200; device++) pair.take(`new-${device}`, 'a', 1);
    pair.check();
    assert.equal(pair.table.findText('new-55'), 255);
    assert.equal(pair.table.findText('new-56'), 256);
  });

  test('bytes that are no page are damage, not nonsense', () => {
    const pair = new Pair();
    pair.take('pi-0', 'a', 1);
    const packed = packPage(pair.table.takePage(0));
    for (let at = 0; at < packed.length; at++) {
      const damaged = Buffer.from(packed);
      damaged.writeUInt8((damaged[at] as number) ^ 0xff, at);
      assert.throws(() => unpackPage(0, damaged), `byte ${at}`);
      if (at > 0) assert.throws(() => unpackPage(0, packed.subarray(0, at)), `cut at ${at}`);
    }
  });
});

describe('device index', () => {
  test('finds exactly the ids that were added, by bytes and by text, however many they are', () => {
    const anyId = fc.string({ unit: fc.constantFrom(...'aAbB01._:@-'), minLength: 1, maxLength: 128 });
    fc.assert(
      fc.property(
        fc.uniqueArray(anyId, { maxLength: 200 }),
        fc.nat({ max: 3000 }),
        anyId,
        (ids, more, other) => {
          const all = [...ids, ...Array.from({ length: more }, (_, number) => `filling/${number}`)];
          const index = new KeyIndex();
          for (const [device, id] of all.entries()) index.add(device, bytesOf(`#${id}`), 1, id.length);
          assert.equal(index.count, all.length);
          for (const [device, id] of all.entries()) {
            assert.equal(index.findText(id), device);
            assert.equal(index.find(bytesOf(id), 0, id.length), device);
            assert.equal(index.id(device), id);
          }
          assert.equal(index.findText(other), ids.indexOf(other));
          for (const text of ['', 'é', 'filling/-1', 'a'.repeat(300)]) assert.equal(index.findText(text), -1);
        },
      ),
      { numRuns: 30 },
    );
  });
});
