import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import type { ObservedDetection } from '@pisync/protocol';
import fc from 'fast-check';
import { ByteWriter } from '../../../../src/adapters/store/sealed/bytes.ts';
import { DetectionLog } from '../../../../src/adapters/store/sqlite/detections/detection-log.ts';
import { writeDetection } from '../../../../src/adapters/store/sqlite/format/detection-record.ts';
import { detection } from './arbitrary-detection.ts';
import { LogModel } from './log-model.ts';

const anyDevice = fc.constantFrom('a', 'b');
const anyNumber = fc.record({ epoch: fc.constantFrom('e', 'f'), seq: fc.nat({ max: 4 }) });

/** Few identities and few bodies, so that repetitions and conflicts are frequent; how each was sent differs always. */
const anyObserved: fc.Arbitrary<ObservedDetection> = fc
  .record({
    deviceId: anyDevice,
    identity: fc.oneof(
      anyNumber,
      fc.record({ eventId: fc.constantFrom('x', 'y'), deviceTime: fc.constantFrom(null, 1) }),
      fc.record({ deviceTime: fc.constantFrom(1, 2) }),
      fc.constant({}),
    ),
    signalDbm: fc.constantFrom(-50, -50, 0, -0),
    metadata: fc.constantFrom(null, null, `{"t":"${'x'.repeat(300)}"}`),
    receivedAt: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  })
  .map(({ identity, ...fields }) => detection({ ...fields, ...identity, sentAt: fields.receivedAt - 9 }));

type Move = { readonly run: (model: LogModel) => void; readonly name: string };

const anyMove: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.array(anyObserved, { maxLength: 6 }), fc.constantFrom(false, false, false, true))
      .map(([group, fails]) => ({
        name: `commit ${JSON.stringify(group)}, ${fails}`,
        run: (model: LogModel) => model.commit(group, fails),
      })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(anyDevice, anyNumber).map(([deviceId, { epoch, seq }]) => ({
      name: `another kind takes ${deviceId} ${epoch} ${seq}`,
      run: (model: LogModel) => model.useNumber(deviceId, epoch, seq),
    })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat({ max: 10 }), fc.boolean()).map(([most, cut]) => ({
      name: `seal ${most}, ${cut}`,
      run: (model: LogModel) => model.seal(most, cut),
    })),
  },
  { weight: 3, arbitrary: fc.constant({ name: 'finish', run: (model: LogModel) => model.finishSeal() }) },
  { weight: 2, arbitrary: fc.constant({ name: 'reload', run: (model: LogModel) => model.reload() }) },
  { weight: 1, arbitrary: fc.constant({ name: 'sweep', run: (model: LogModel) => model.sweep() }) },
  { weight: 1, arbitrary: fc.constant({ name: 'prune', run: (model: LogModel) => model.prune() }) },
);

/** A database with a few rows, each of some detections. */
function storeOf(rows: readonly number[]): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  db.exec(
    `CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY, data BLOB) STRICT, WITHOUT ROWID;
     CREATE TABLE detection_log (
       chunk INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL
     ) STRICT`,
  );
  const log = new DetectionLog(db);
  for (const count of rows) {
    admitPlain(log, count);
    log.write();
  }
  return db;
}

function admitPlain(log: DetectionLog, count: number, metadata: string | null = null): void {
  const writer = new ByteWriter(0);
  for (let index = 0; index < count; index++) writeDetection(writer, detection({ metadata }));
  const refuse = (): never => assert.fail('a detection without identity is never looked up');
  const counters = { has: refuse, heldByOther: refuse, stored: () => undefined, conflict: refuse };
  log.admit(writer.written(), count, counters, { find: refuse });
}

describe('log of detections', () => {
  for (const collide of [false, true]) {
    const what = collide ? ', also where all hashes are equal' : '';
    test(`it stores, knows and refuses exactly what a plain list would${what}`, () => {
      fc.assert(
        fc.property(fc.array(anyMove, { maxLength: 24, size: 'max' }), (moves) => {
          const model = new LogModel(collide);
          for (const move of moves) {
            move.run(model);
            model.check();
          }
          model.reload();
          model.check();
          model.close();
        }),
        { numRuns: 60 },
      );
    });
  }

  test('ordinals go on after everything is sealed, swept and read again', () => {
    const db = storeOf([3, 2]);
    const log = new DetectionLog(db);
    log.tail.cut();
    const all = log.tail.sealable(10);
    assert.deepEqual(all, { detections: 5, lastChunk: 2, nextOrdinal: 6 });
    log.finishSeal(all);
    log.sealed(all);
    assert.equal(log.sweep(), true);
    assert.equal(log.sweep(), false);
    const again = new DetectionLog(db);
    assert.deepEqual(
      [again.chunk, again.sealedChunk, again.tail.nextOrdinal, again.tail.events],
      [2, 2, 6, 0],
    );
    admitPlain(again, 1);
    again.write();
    assert.deepEqual(
      { ...db.prepare('SELECT chunk, ordinal FROM detection_log').get() },
      { chunk: 3, ordinal: 6 },
    );
  });

  test('sealed rows are deleted in slices, by number and by bytes, at least one at a time', () => {
    const db = storeOf(new Array<number>(1100).fill(1));
    const log = new DetectionLog(db);
    for (let row = 0; row < 3; row++) {
      admitPlain(log, 200, `{"t":"${'x'.repeat(16_000)}"}`);
      log.write();
    }
    admitPlain(log, 1);
    log.write();
    const sealed = { lastChunk: 1103, nextOrdinal: 1701 };
    log.finishSeal(sealed);
    log.sealed(sealed);
    const left: number[] = [];
    while (log.sweep())
      left.push((db.prepare('SELECT count(*) AS n FROM detection_log').get() as { n: number }).n);
    assert.deepEqual(left, [604, 104, 4, 3, 2, 1]);
  });

  test('admitting twice without writing is a mistake', () => {
    const log = new DetectionLog(storeOf([]));
    admitPlain(log, 1);
    assert.throws(() => admitPlain(log, 1), TypeError);
  });

  test('a log that is damaged is refused', () => {
    const damages: [string, RegExp][] = [
      ['DELETE FROM detection_log WHERE chunk = 1', /row 2 \(ordinal 3\) does not follow row 0/],
      ['DELETE FROM detection_log WHERE chunk = 2', /row 3 \(ordinal 5\) does not follow row 1/],
      ['UPDATE detection_log SET ordinal = 4 WHERE chunk = 2', /row 2 \(ordinal 4\) does not follow row 1/],
      ['UPDATE detection_log SET crc = crc + 1 WHERE chunk = 2', /row 2 fails its checksum/],
      ['UPDATE detection_log SET data = substr(data, 2) WHERE chunk = 3', /row 3 fails its checksum/],
      ["INSERT INTO meta VALUES ('detections_sealed', 1, NULL)", /row 2 \(ordinal 3\) does not follow row 1/],
      [
        "INSERT INTO meta VALUES ('detections_ordinal', 2, NULL)",
        /row 1 \(ordinal 1\) does not follow row 0/,
      ],
      // 558161692 is the CRC-32 of four zero bytes.
      [
        "UPDATE detection_log SET data = x'00000000', crc = 558161692 WHERE chunk = 3",
        /a record at 0 does not end/,
      ],
    ];
    for (const [damage, message] of damages) {
      const db = storeOf([2, 2, 2]);
      assert.equal(new DetectionLog(db).tail.events, 6);
      db.exec(damage);
      assert.throws(
        () => new DetectionLog(db),
        (error) => error instanceof RangeError && message.test(error.message),
        damage,
      );
    }
  });
});
