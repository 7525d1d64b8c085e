import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { loadDetections } from '../../../../src/adapters/store/sqlite/state/load.ts';
import { checkNetworks } from '../../../../src/adapters/store/sqlite/verify/check-networks.ts';
import { changed, faultsOf, removeStores, soundStore } from './sound-store.ts';

after(removeStores);

const one = 'WHERE id = 20';

const damages: Readonly<Record<string, readonly [damage: string, told: RegExp]>> = {
  name: ["UPDATE network SET name = 'x'", /: name is x, its detections give/],
  'no name': ['UPDATE network SET name = NULL WHERE name IS NOT NULL', /: name is null, its detections give/],
  security: [`UPDATE network SET security = 'x' ${one}`, /: security is x/],
  channel: [`UPDATE network SET channel = channel + 1 ${one}`, /: channel is/],
  frequency: [`UPDATE network SET frequency = 2437.5 ${one}`, /: frequencyMhz is 2437.5/],
  'first seen': [`UPDATE network SET first_seen = first_seen - 1 ${one}`, /: firstSeenAt is/],
  'last seen': [`UPDATE network SET last_seen = last_seen + 1 ${one}`, /: lastSeenAt is/],
  'number of detections': [`UPDATE network SET detections = detections + 1 ${one}`, /: detections is/],
  'strongest signal': [`UPDATE network SET signal = signal + 0.5 ${one}`, /: signal is/],
  'time of the strongest signal': [
    `UPDATE network SET signal_at = signal_at + 1 ${one}`,
    /: its strongest signal/,
  ],
  'place of the strongest signal': [
    `UPDATE network SET signal_lat = coalesce(signal_lat, 0) + 1e-7 ${one}`,
    /: signalLat is/,
  ],
  'number of positions': [`UPDATE network SET located = located + 1 ${one}`, /: located is/],
  'position, by a little': [`UPDATE network SET z = z + weight * 4e-11 ${one}`, /: its position is not/],
  weight: [`UPDATE network SET weight = weight * (1 + 4e-11) ${one}`, /: its position is not/],
  'variants, said to be elsewhere': [
    'UPDATE network SET split = 0 WHERE split = 1',
    /: its variants are not kept where it says/,
  ],
  'last change': [`UPDATE network SET changed = 4701 ${one}`, /: it was changed by detection 4701/],
  'a network too few': [`DELETE FROM network ${one}`, /is missing in the table/],
  'a network too few, the last': [
    'DELETE FROM network WHERE radio = (SELECT max(radio) FROM network)',
    /is missing/,
  ],
  'all networks gone': ['DELETE FROM network', /is missing in the table/],
  'a network too many': [
    `INSERT INTO network SELECT 41, '3310-260-1-1', name, security, channel, frequency, first_seen, last_seen, detections,
     signal, signal_at, signal_lat, signal_lon, located, weight, x, y, z, 0, changed FROM network ${one}`,
    /cellular 310-260-1-1 is in the table and has no detection/,
  ],
  'a number that is passed over': [
    `UPDATE network SET id = 99 WHERE id = 40`,
    /numbered up to 99, 40 are there/,
  ],
  'times of a variant': [
    'UPDATE network_variant SET first_seen = first_seen - 1',
    /: its variant .* is not that of/,
  ],
  'name of a variant': [
    "UPDATE network_variant SET name = 'x' WHERE name = 'another'",
    /: its variant .* is missing/,
  ],
  'a variant too few': ["DELETE FROM network_variant WHERE name = 'another'", /: its variant .* is missing/],
  'a variant of nothing': [
    "INSERT INTO network_variant VALUES (99, 'x', '', 1, 2, 3)",
    /variants are there, the networks have/,
  ],
  'detections that count as folded and are not there': [
    "UPDATE meta SET value = 4701 WHERE key = 'detections_folded'",
    /detections up to 4701 count as folded, there are 4700/,
  ],
  'detections that were folded and do not count': [
    "UPDATE meta SET value = 4600 WHERE key = 'detections_folded'",
    /: detections is \d+, its detections give/,
  ],
};

for (const [what, [damage, told]] of Object.entries(damages)) {
  test(`a full check finds in networks: ${what}`, async () => {
    const path = soundStore();
    changed(path, (db) => assert.ok(Number(db.prepare(damage).run().changes) > 0));
    const faults = await faultsOf(path);
    assert.ok(
      faults.some(({ detail }) => told.test(detail)),
      JSON.stringify(faults),
    );
    assert.ok(faults.every(({ check, severity }) => check === 'networks' && severity === 'error'));
  });
}

test('positions that differ by the order of additions are the same', async () => {
  const path = soundStore();
  changed(path, (db) => db.exec('UPDATE network SET x = x * (1 + 2e-13), weight = weight * (1 - 2e-13)'));
  assert.deepEqual(await faultsOf(path), []);
});

test('networks are told as not looked at where detections cannot be read', async () => {
  const path = soundStore();
  changed(path, (db) => db.exec('UPDATE detection_block SET cold = zeroblob(length(cold))'));
  const faults = await faultsOf(path);
  assert.deepEqual(faults.at(-1), {
    severity: 'warning',
    check: 'networks',
    detail: 'not looked at, since not all detections can be read',
  });
});

test('the ranges in which networks are folded change nothing of what is found', async () => {
  const db = new DatabaseSync(soundStore());
  const { tail } = loadDetections(db).log;
  const whole = await checkNetworks(db, tail);
  for (const size of [1, 3, 40, 64]) assert.deepEqual(await checkNetworks(db, tail, size), whole);
  db.exec('UPDATE network SET detections = 0');
  const wrong = await checkNetworks(db, tail);
  assert.equal(wrong.length, 11);
  for (const size of [1, 7]) assert.deepEqual(await checkNetworks(db, tail, size), wrong);
  db.exec('DELETE FROM network WHERE id > 4');
  assert.match((await checkNetworks(db, tail, 5)).map(({ detail }) => detail).join(), /far more networks/);
  db.close();
});
