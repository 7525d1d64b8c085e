import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { now } from '../../../src/conformance/make-events.ts';
import { evilTwins } from '../../../src/core/detections/networks/evil-twin.ts';
import type { NetworkRecord } from '../../../src/core/detections/networks/network.ts';

const day = 86_400_000;
const rule = { now, newForMs: 14 * day, nearMetres: 500 };
const here = { lat: 52.52, lon: 13.405, observations: 9 };
/** About 340 m to the east, and about 3.4 km. */
const near = { ...here, lon: 13.41 };
const far = { ...here, lon: 13.455 };

/** A network known for a hundred days, unless `fields` say more. */
function network(fields: Partial<NetworkRecord>): NetworkRecord {
  return {
    type: 'wifi',
    identity: '00:1A:2B:3C:4D:5E',
    name: 'Library',
    security: 'wpa2',
    channel: null,
    frequencyMhz: null,
    firstSeenAt: now - 100 * day,
    lastSeenAt: now,
    detections: 9,
    strongest: null,
    position: here,
    ...fields,
  };
}

const other = { identity: '3C:00:00:00:00:01', firstSeenAt: now - 90 * day, position: near };

/** Codes of the reasons against a network beside the usual one. */
function reasons(fields: Partial<NetworkRecord>, beside: Partial<NetworkRecord> = {}): string {
  const networks = [network(beside), network({ ...other, ...fields })];
  const [found, ...more] = evilTwins({ name: 'Library', networks }, rule);
  assert.equal(more.length, 0);
  if (found === undefined) return '';
  assert.equal(found.network, networks[1]);
  assert.equal(found.beside, networks[0]);
  return found.reasons.map(({ code }) => code).join(' ');
}

describe('candidates for an evil twin', () => {
  test('are open or more weakly secured than the network known longest', () => {
    assert.equal(reasons({}), '');
    assert.equal(reasons({ security: 'open' }), 'open_beside_secured');
    assert.equal(reasons({ security: 'owe' }), 'open_beside_secured');
    assert.equal(reasons({ security: 'open' }, { security: 'owe' }), '');
    assert.equal(reasons({ security: 'wpa' }), 'weaker_security');
    assert.equal(reasons({ security: 'wpa,wpa2' }), 'weaker_security');
    assert.equal(reasons({ security: 'wpa3' }), '');
    assert.equal(reasons({ security: 'wpa3' }, { security: 'wpa2,eap' }), 'weaker_security');
    assert.equal(reasons({ security: 'open' }, { security: 'open,eap' }), '');
    assert.equal(reasons({ security: null }), '');
    assert.equal(reasons({ security: 'open' }, { security: null }), '');
  });

  test('have a made up address beside a manufacturer’s, of another device', () => {
    assert.equal(reasons({ identity: '3E:00:00:00:00:01' }), 'local_address');
    assert.equal(reasons({ identity: '02:1A:2B:3C:4D:5F' }), '');
    assert.equal(reasons({ identity: '3E:00:00:00:00:01' }, { identity: '02:1A:2B:3C:4D:5E' }), '');
  });

  test('are near and new, and not far away', () => {
    const fresh = now - 13 * day;
    assert.equal(reasons({ firstSeenAt: fresh }), 'new_nearby');
    assert.equal(reasons({ firstSeenAt: now - 15 * day }), '');
    assert.equal(reasons({ firstSeenAt: fresh }, { firstSeenAt: fresh - 1 }), '');
    assert.equal(reasons({ firstSeenAt: fresh, position: null }), '');
    assert.equal(reasons({ firstSeenAt: fresh, position: far, security: 'open' }), '');
    assert.equal(reasons({ position: null, security: 'open' }), 'open_beside_secured');
  });

  test('are compared with the longest known network that is not far, most reasons first', () => {
    const networks = [
      network({ position: far, security: 'open' }),
      network({ identity: '00:00:00:00:00:02', firstSeenAt: now - 99 * day }),
      network({ identity: '02:00:00:00:05:05', firstSeenAt: now - 98 * day, security: 'open' }),
      network({ identity: '00:00:00:00:00:04', firstSeenAt: now - 97 * day, security: 'wpa' }),
      network({ identity: '00:00:00:00:00:03', firstSeenAt: now - 96 * day, security: 'wep' }),
    ];
    const found = evilTwins({ name: 'Library', networks }, rule);
    assert.deepEqual(
      found.map(({ network: one, beside, distance }) => [
        networks.indexOf(one),
        networks.indexOf(beside),
        distance,
      ]),
      [
        [2, 1, 0],
        [4, 1, 0],
        [3, 1, 0],
      ],
    );
    for (const { reasons: all } of found)
      for (const { text } of all) assert.match(text, /^It.*00:00:00:00:00:02.*[.]$/);
  });
});
