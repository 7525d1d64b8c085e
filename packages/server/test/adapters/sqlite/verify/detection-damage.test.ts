import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { RowSpace } from '../../../../src/adapters/store/sqlite/format/columns/detection-rows.ts';
import { readZone, writeZone } from '../../../../src/adapters/store/sqlite/format/columns/detection-zone.ts';
import {
  DetectionBlock,
  encodeDetectionBlock,
} from '../../../../src/adapters/store/sqlite/format/detection-block.ts';
import {
  decodeIdentityPart,
  encodeIdentityPart,
  type IdentityEntries,
} from '../../../../src/adapters/store/sqlite/sealed-detections/identity-index.ts';
import { checkDetections } from '../../../../src/adapters/store/sqlite/verify/check-detections.ts';
import type { StoredDetection } from '../../../../src/core/detections/detection-columns.ts';
import { changed, faultsOf, removeStores, soundStore, storeWithoutIdentities } from './sound-store.ts';

after(removeStores);

type Damage = string | ((db: DatabaseSync) => void);

/** Rewrites the first block of the first run; its zone map stays. */
function reencode(db: DatabaseSync, change: (rows: StoredDetection[]) => StoredDetection[]): void {
  const row = db.prepare('SELECT id, hot, cold FROM detection_block ORDER BY id LIMIT 1').get();
  const { id, hot, cold } = row as { id: number; hot: Uint8Array; cold: Uint8Array };
  const block = new DetectionBlock(hot, cold);
  const space = new RowSpace(block.count);
  const rows = change(Array.from({ length: block.count }, (_, at) => block.detection(at)));
  for (const one of rows) space.add(one);
  const made = encodeDetectionBlock(space, 1);
  db.prepare('UPDATE detection_block SET hot = ?, cold = ? WHERE id = ?').run(made.hot, made.cold, id);
}

/** Rewrites a part of the index of the first run. */
function reindex(db: DatabaseSync, change: (entries: IdentityEntries) => IdentityEntries): void {
  const row = db.prepare('SELECT id, data FROM detection_identity ORDER BY id LIMIT 1').get();
  const { id, data } = row as { id: number; data: Uint8Array };
  const made = encodeIdentityPart(change(decodeIdentityPart(data)), 1);
  db.prepare('UPDATE detection_identity SET data = ? WHERE id = ?').run(made, id);
}

function rezone(db: DatabaseSync): void {
  const row = db.prepare('SELECT id, zone FROM detection_block ORDER BY id LIMIT 1').get();
  const { id, zone } = row as { id: number; zone: Uint8Array };
  const map = readZone(zone);
  db.prepare('UPDATE detection_block SET zone = ? WHERE id = ?').run(
    writeZone({ ...map, north: map.north - 1 }),
    id,
  );
}

/** Changes what an unsealed detection says, but not what it is recognised by. */
function misquote(db: DatabaseSync): void {
  const rows = db.prepare(`SELECT chunk, data FROM detection_log WHERE ${behind}`).all();
  for (const { chunk, data } of rows as { chunk: number; data: Uint8Array }[]) {
    const bytes = Buffer.from(data);
    for (let at = bytes.indexOf('net '); at >= 0; at = bytes.indexOf('net ', at)) bytes.write('set ', at);
    db.prepare('UPDATE detection_log SET data = ?, crc = ? WHERE chunk = ?').run(bytes, crc32(bytes), chunk);
  }
}

const behind = "chunk > (SELECT value FROM meta WHERE key = 'detections_sealed')";
const first = 'WHERE id = (SELECT min(id) FROM detection_block)';

const damages: Readonly<Record<string, readonly [damage: Damage, told: RegExp]>> = {
  'a log row with other bytes': [`UPDATE detection_log SET crc = crc + 1 WHERE ${behind}`, /checksum/],
  'a log row that is missing': [
    `DELETE FROM detection_log WHERE chunk = (SELECT min(chunk) FROM detection_log WHERE ${behind})`,
    /does not follow/,
  ],
  'ordinals of the log': [
    `UPDATE detection_log SET ordinal = ordinal + 1 WHERE ${behind}`,
    /does not follow/,
  ],
  'an unsealed body that is not that of its identity': [misquote, /identity that is not its own/],
  'a block of zeros': [
    `UPDATE detection_block SET hot = zeroblob(length(hot)) ${first}`,
    /^block 0 of run 1: .*cannot be read/,
  ],
  'a second part of zeros': [
    `UPDATE detection_block SET cold = zeroblob(length(cold)) ${first}`,
    /^block 0 of run 1: .*cannot be read/,
  ],
  'a zone map of zeros': [
    `UPDATE detection_block SET zone = zeroblob(length(zone)) ${first}`,
    /^the zone map of block 0 of run 1: .*cannot be read/,
  ],
  'a zone map that denies rows': [rezone, /the zone map of block 0 of run 1 says north/],
  'a first block that is missing': [`DELETE FROM detection_block ${first}`, /block 0 of run 1 is missing/],
  'a last block that is missing': [
    'DELETE FROM detection_block WHERE id = (SELECT max(id) FROM detection_block WHERE run = 1)',
    /run 1 has 4096 detections where it says 4400/,
  ],
  'rows out of order': [
    (db) => reencode(db, (rows) => rows.reverse()),
    /block 0 of run 1 is out of order at row 1/,
  ],
  'a detection twice, another gone': [
    (db) => reencode(db, (rows) => rows.with(1, { ...(rows[1] as StoredDetection), ordinal: 4650 })),
    /detection 4650 is there twice/,
  ],
  'a detection that was never numbered': [
    (db) => reencode(db, (rows) => rows.with(1, { ...(rows[1] as StoredDetection), ordinal: 4701 })),
    /detection 4701 is there twice or out of range/,
  ],
  'a row of another identity': [
    (db) =>
      reencode(db, (rows) =>
        rows.map((row) => (row.eventId === null ? row : { ...row, deviceId: 'another' })),
      ),
    /names a row that is not of its identity/,
  ],
  'an index whose rows are swapped': [
    (db) => reindex(db, ({ hashes, places }) => ({ hashes, places: places.toReversed() })),
    /part 0 of the index of run 1 names a row that is not of its identity/,
  ],
  'an index that is not sorted': [
    (db) =>
      reindex(db, ({ hashes, places }) => ({ hashes: hashes.toReversed(), places: places.toReversed() })),
    /part 0 of the index of run 1 is out of order at entry/,
  ],
  'an index that forgets a row': [
    (db) => reindex(db, ({ hashes, places }) => ({ hashes: hashes.slice(1), places: places.slice(1) })),
    /run 1 has a row that its index does not name: row \d+ of block \d/,
  ],
  'an index that names a row twice': [
    (db) =>
      reindex(db, ({ hashes, places }) => ({
        hashes: Uint32Array.of(hashes[0] as number, ...hashes),
        places: Uint32Array.of(places[0] as number, ...places),
      })),
    /part 0 of the index of run 1 names a row twice/,
  ],
  'an index of zeros': [
    'UPDATE detection_identity SET data = zeroblob(length(data))',
    /part 0 of the index of run 1:/,
  ],
  'an index that is missing': [
    'DELETE FROM detection_identity WHERE run = 1',
    /run 1 has 0 parts of its index/,
  ],
  'an index that is said to be of another run': [
    'UPDATE detection_identity SET run = 9 WHERE run = 1',
    /^run 1: part 0 of its index is missing/,
  ],
  'a filter that denies': [
    'UPDATE detection_run SET filter = zeroblob(length(filter))',
    /run 1 has a filter that is not that of its identities/,
  ],
  'a filter that holds more': [
    (db) => {
      const { filter } = db.prepare('SELECT filter FROM detection_run WHERE id = 1').get() as {
        filter: Uint8Array;
      };
      const zero = filter.indexOf(0);
      filter[zero] = 1;
      db.prepare('UPDATE detection_run SET filter = ? WHERE id = 1').run(filter);
    },
    /run 1 has a filter that is not that of its identities/,
  ],
  'a filter that is missing': ['UPDATE detection_run SET filter = NULL', /has a filter that is not/],
  'identities of a run': ['UPDATE detection_run SET identities = identities + 1', /identities where it says/],
  'kinds of identity of a run': [
    'UPDATE detection_run SET digests = digests - 1',
    /run 1 has \d+ detections known by their body where it says/,
  ],
  'device times of a run that begin later': [
    'UPDATE detection_run SET min_digest_time = min_digest_time + 1',
    /the device times of run 1 are not those of its detections/,
  ],
  'device times of a run that end later': [
    'UPDATE detection_run SET max_digest_time = max_digest_time + 1',
    /the device times of run 1 are not those of its detections/,
  ],
  'bytes of a run': ['UPDATE detection_run SET bytes = bytes + 1', /bytes where it says/],
  'times of a run': [
    'UPDATE detection_run SET min_timestamp = min_timestamp + 1',
    /the times of run 1 are not those of its detections/,
  ],
  'the newest run gone': ['UPDATE detection_run SET live = 0 WHERE id = 2', /the runs reach to 1$/],
  'the oldest run gone': [
    'UPDATE detection_run SET live = 0 WHERE id = 1',
    /300 detections are there where 4700 were/,
  ],
};

for (const [what, [damage, told]] of Object.entries(damages)) {
  test(`a full check finds in detections: ${what}`, async () => {
    const path = soundStore();
    changed(path, (db) => (typeof damage === 'string' ? db.exec(damage) : damage(db)));
    const faults = await faultsOf(path);
    assert.ok(
      faults.some(({ check, detail }) => check === 'detections' && told.test(detail)),
      JSON.stringify(faults),
    );
    assert.ok(faults.every(({ check }) => check === 'detections' || check === 'networks'));
  });
}

test('a full check finds a filter where there is nothing that it could hold', async () => {
  const path = storeWithoutIdentities();
  assert.deepEqual(await faultsOf(path), []);
  changed(path, (db) => db.exec('UPDATE detection_run SET filter = zeroblob(8)'));
  assert.deepEqual(
    (await faultsOf(path)).map(({ detail }) => detail),
    ['run 1 has a filter and no identities'],
  );
});

test('a full check finds numbers that would be taken as new, wherever their detections lie', async () => {
  const db = new DatabaseSync(soundStore());
  const told = async (noted: (seq: number) => boolean): Promise<string> =>
    (await checkDetections(db, (_device, _epoch, seq) => noted(seq))).map(({ detail }) => detail).join();
  assert.match(await told((seq) => seq > 100), /would be taken as new if it came again/);
  assert.match(await told((seq) => seq < 9200), /would be taken as new if it came again/);
  assert.doesNotMatch(await told(() => true), /as new/);
  db.close();
});
