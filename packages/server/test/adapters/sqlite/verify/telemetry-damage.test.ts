import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import {
  decodePointBlock,
  encodePointBlock,
  readPointHead,
} from '../../../../src/adapters/store/sealed/points/point-block.ts';
import type { PointColumns } from '../../../../src/adapters/store/sealed/points/point-columns.ts';
import { writePointHead } from '../../../../src/adapters/store/sealed/points/point-head.ts';
import { packSeriesPage, SeriesTable } from '../../../../src/adapters/store/sqlite/points/series-table.ts';
import {
  decodeRollupBlock,
  encodeRollupBlock,
  type RollupRows,
} from '../../../../src/adapters/store/sqlite/rollups/rollup-block.ts';
import { verifyStore } from '../../../../src/adapters/store/sqlite/state/verify.ts';
import { aggregateField } from '../../../../src/core/telemetry/aggregate.ts';
import { changed, faultsOf, removeStores, soundStore } from './sound-store.ts';

after(removeStores);

test('a sound store is told in one sentence for each kind', async () => {
  const findings = await verifyStore(soundStore());
  assert.ok(findings.every(({ severity }) => severity === 'ok'));
  const told = Object.fromEntries(findings.map(({ check, detail }) => [check, detail]));
  assert.deepEqual(Object.keys(told), [
    ...['integrity', 'journal', 'contents', 'telemetry', 'detections', 'networks'],
  ]);
  assert.match(told['telemetry'] as string, /^9291 points of 4 series in 2 runs and 200 in the log:/);
  assert.match(told['detections'] as string, /^4700 detections in 2 runs and the log:/);
  assert.match(told['networks'] as string, /^40 networks: .* up to 4700, and 0 are still to be folded$/);
});

/** Rewrites a block of points, with the same first point in the table. */
function reencode(db: DatabaseSync, change: (columns: PointColumns) => void): void {
  const { id, data } = db.prepare('SELECT id, data FROM point_block ORDER BY id LIMIT 1').get() as {
    id: number;
    data: Uint8Array;
  };
  const columns = decodePointBlock(data);
  change(columns);
  db.prepare('UPDATE point_block SET data = ? WHERE id = ?').run(
    encodePointBlock(columns, 0, columns.count, 1),
    id,
  );
}

/** Rewrites the first block of rollups, which are hours. */
function resum(db: DatabaseSync, change: (rows: RollupRows) => RollupRows): void {
  const { id, data } = db.prepare('SELECT id, data FROM point_rollup ORDER BY id LIMIT 1').get() as {
    id: number;
    data: Uint8Array;
  };
  const block = encodeRollupBlock(change(decodeRollupBlock(data)));
  db.prepare('UPDATE point_rollup SET data = ? WHERE id = ?').run(block, id);
}

/** Adds to one number of the first row. */
function addTo(name: keyof typeof aggregateField, more: number): (db: DatabaseSync) => void {
  return (db) =>
    resum(db, (block) => {
      block.rows[aggregateField[name]]! += more;
      return block;
    });
}

/** Rewrites the page of series. */
function rewritePage(db: DatabaseSync, write: (old: SeriesTable) => SeriesTable): void {
  const table = new SeriesTable();
  table.loadPage((db.prepare('SELECT data FROM series_page').get() as { data: Uint8Array }).data);
  for (const { page, data } of write(table).takePages())
    db.prepare('UPDATE series_page SET data = ? WHERE page = ?').run(packSeriesPage(data), page);
}

function rewriteHead(db: DatabaseSync): void {
  const row = db.prepare('SELECT id, data FROM point_block ORDER BY id LIMIT 1').get();
  const { id, data } = row as { id: number; data: Uint8Array };
  const head = readPointHead(data);
  const block = Buffer.from(data);
  writePointHead(block, { ...head, minTime: head.minTime - 1 });
  db.prepare('UPDATE point_block SET data = ? WHERE id = ?').run(block, id);
}

const behind = "chunk > (SELECT value FROM meta WHERE key = 'points_sealed')";

const damages: Readonly<
  Record<string, readonly [damage: string | ((db: DatabaseSync) => void), told: RegExp]>
> = {
  'a log row with other bytes': [`UPDATE point_log SET crc = crc + 1 WHERE ${behind}`, /checksum/],
  'a log row that is missing': [
    `DELETE FROM point_log WHERE chunk = (SELECT min(chunk) FROM point_log WHERE ${behind})`,
    /does not follow/,
  ],
  'a block of zeros': [
    'UPDATE point_block SET data = zeroblob(length(data)) WHERE id = (SELECT min(id) FROM point_block)',
    /^block 0 of run 1: .*cannot be read/,
  ],
  'a first block that is missing': [
    'DELETE FROM point_block WHERE id = (SELECT min(id) FROM point_block)',
    /block 0 of run 1 is missing/,
  ],
  'a last block that is missing': [
    'DELETE FROM point_block WHERE id = (SELECT max(id) FROM point_block WHERE run = 1)',
    /run 1 has 8192 points where it says 9001/,
  ],
  'times out of order': [
    (db) => reencode(db, ({ times }) => times.subarray(3, 5).reverse()),
    /block 0 of run 1 is out of order at point 4/,
  ],
  'a point twice': [
    (db) => reencode(db, ({ times }) => times.copyWithin(4, 3, 4)),
    /block 0 of run 1 is out of order at point 4/,
  ],
  'a series that does not exist': [
    (db) => reencode(db, ({ series, count }) => series.fill(99, count - 1)),
    /names series 99/,
  ],
  'times of a run that are too narrow': [
    'UPDATE point_run SET max_time = max_time - 1',
    /holds points outside of the times of its run/,
  ],
  'times of a run that are too wide': [
    'UPDATE point_run SET min_time = min_time - 1',
    /the times of run 1 are not those of its points/,
  ],
  'points of a run': ['UPDATE point_run SET points = points + 1', /run 1 has 9001 points where it says 9002/],
  'bytes of a run': ['UPDATE point_run SET bytes = bytes + 1', /bytes where it says/],
  'the place of a block': ['UPDATE point_block SET time = time - 1', /does not begin where the table says/],
  'a head that is of other points': [rewriteHead, /the head of block 0 of run 1 is not that of its points/],
  'a block of rollups of zeros': [
    'UPDATE point_rollup SET data = zeroblob(length(data)) WHERE id = (SELECT min(id) FROM point_rollup)',
    /^block 0 of the rollups of run 1: .*cannot be read/,
  ],
  'a block of rollups that is missing': [
    'DELETE FROM point_rollup WHERE id = (SELECT min(id) FROM point_rollup)',
    /^block 0 of the rollups of run 1 is missing/,
  ],
  'the place of a block of rollups': [
    'UPDATE point_rollup SET start = start + 1',
    /rollups of run 1 does not begin where the table says/,
  ],
  'a count of another hour': [addTo('count', 1), /^the hours of series 0 in run 1 are not those/],
  'a sum of another hour': [addTo('sum', 1), /^the hours of series 0 in run 1 are not those/],
  'squares of another hour': [addTo('squares', 1), /^the hours of series 0 in run 1 are not those/],
  'a latest time of another hour': [addTo('lastTime', 1), /^the hours of series 0 in run 1 are not those/],
  'an hour that is missing': [
    (db) => resum(db, ({ count, series, rows }) => ({ count: count - 1, series, rows })),
    /^the hours of series \d in run 1 are not those of its points|has no such points/,
  ],
  'hours of another series': [
    (db) =>
      resum(db, (block) => {
        block.series.fill(99, block.count - 1);
        return block;
      }),
    /^run 1 has hours of series 99, which has no such points/,
  ],
  'the newest run gone': ['UPDATE point_run SET live = 0 WHERE id = 2', /the runs reach to 1$/],
  'the oldest run gone': ['UPDATE point_run SET live = 0 WHERE id = 1', /old once has no point/],
  'a page of series that is missing': ['UPDATE series_page SET page = 1', /page 0 of the series is missing/],
  'a newest point that is not there': [
    (db) =>
      rewritePage(db, (table) => {
        table.note(0, Number.MAX_SAFE_INTEGER, 1, 0, []);
        return table;
      }),
    /the newest point of pi-1 load is 1 at 9007199254740991, its points give/,
  ],
  'kinds that are not noted': [
    (db) =>
      rewritePage(db, (old) => {
        const table = new SeriesTable();
        for (let series = 0; series < old.count; series++) {
          const { deviceId, key } = old.name(series);
          const name = Buffer.from(`.${deviceId}..${key}`);
          name[0] = deviceId.length;
          name.writeUInt16LE(key.length, 1 + deviceId.length);
          table.intern(name, 0, name.length);
          table.note(series, 0, 0, 1, []);
        }
        return table;
      }),
    /has values of a kind that it is not noted for/,
  ],
};

for (const [what, [damage, told]] of Object.entries(damages)) {
  test(`a full check finds in telemetry: ${what}`, async () => {
    const path = soundStore();
    changed(path, (db) => (typeof damage === 'string' ? db.exec(damage) : damage(db)));
    const faults = await faultsOf(path);
    assert.ok(
      faults.some(({ detail }) => told.test(detail)),
      JSON.stringify(faults),
    );
    assert.ok(faults.every(({ check, severity }) => check === 'telemetry' && severity === 'error'));
  });
}
