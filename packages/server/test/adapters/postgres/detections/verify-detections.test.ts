import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ObservedDetection } from '@pisync/protocol';
import {
  Database,
  usualDatabaseOptions,
} from '../../../../src/adapters/store/postgres/connection/database.ts';
import { verifyDetections } from '../../../../src/adapters/store/postgres/detections/verify-detections.ts';
import { openPostgresStore } from '../../../../src/adapters/store/postgres/postgres-store.ts';
import { PostgresServer } from '../../../postgres/postgres-server.ts';

const now = Date.UTC(2026, 10, 20, 12);
const NETWORKS = 40;
const COUNT = 600;

function detection(at: number): ObservedDetection {
  const network = (at * 7) % NETWORKS;
  return {
    kind: 'detection',
    deviceId: 'pi-1',
    epoch: null,
    seq: null,
    eventId: `d-${at}`,
    deviceTime: now,
    sentAt: null,
    type: network % 3 === 0 ? 'ble' : 'wifi',
    identity: `00:1A:2B:3C:4D:${network.toString(16).toUpperCase().padStart(2, '0')}`,
    name: at % 11 === 0 ? null : `a\0${at % 3}`,
    security: at % 5 === 0 ? null : 'wpa2',
    channel: at % 13,
    frequencyMhz: null,
    signalDbm: at % 4 === 0 ? null : -(at % 90),
    position:
      at % 6 === 0
        ? null
        : {
            lat: (at % 170) - 85,
            lon: (at % 360) - 179.5,
            altitude: null,
            accuracy: at % 120,
            heading: null,
            speed: null,
          },
    capabilities: null,
    metadata: null,
    receivedAt: now,
    timestamp: now - (at % 50) * 86_400_000,
    clockQuality: 'ok',
  };
}

describe('the check of detections in PostgreSQL', () => {
  let server: PostgresServer;
  let database: Database;
  let url: string;
  before(async () => {
    server = await PostgresServer.start();
    url = await server.createDatabase();
    const store = await openPostgresStore(url, { partial: 'failure' });
    for (let from = 0; from < COUNT; from += 50) {
      const detections = Array.from({ length: 50 }, (_, at) => detection(from + at));
      await store.commit({ observations: [], rejected: [], detections });
    }
    await store.close();
    database = new Database(url, usualDatabaseOptions);
  });
  after(async () => {
    await database.close();
    await server.stop();
  });

  const told = async () =>
    (await database.read(verifyDetections)).map(
      ({ severity, check, detail }) => `${severity} ${check}: ${detail}`,
    );

  it('finds nothing in what was written', async () => {
    assert.deepEqual(await told(), [
      `ok detections: ${COUNT} detections, numbered without a gap`,
      `ok networks: ${NETWORKS} networks: the same as a fold of all detections`,
    ]);
  });

  const wifi = "type = 0 AND identity = '00:1A:2B:3C:4D:01'";
  const damages: readonly (readonly [title: string, damage: string, expected: RegExp])[] = [
    ['a lost detection', 'DELETE FROM detection WHERE ordinal IN (7, 8)', /detections 7 to 8 are missing/],
    [
      'a lost newest detection',
      `DELETE FROM detection WHERE ordinal = ${COUNT}`,
      /detections 600 to 600 are missing/,
    ],
    ['a number twice', 'UPDATE detection SET ordinal = 9 WHERE ordinal = 10', /detection 9 is there twice/],
    [
      'a number too many',
      'UPDATE store SET detection_ordinal = 599',
      /detection 600 is there, the store counts 599/,
    ],
    [
      'a wrong tile',
      'UPDATE detection SET tile = tile + 1 WHERE ordinal = 2',
      /detection 2 has not the tile/,
    ],
    ['a lost network', `DELETE FROM network WHERE ${wifi}`, /wifi 00:1A:2B:3C:4D:01: it is missing/],
    [
      'a network of nothing',
      `UPDATE network SET identity = 'x' WHERE ${wifi}`,
      /wifi x: it is in the tables and has no/,
    ],
    ['a wrong name', `UPDATE network SET name = 'x' WHERE ${wifi}`, /4D:01: name is x, its detections give/],
    ['a wrong sum', `UPDATE network SET x = x + 1e-3 WHERE ${wifi}`, /4D:01: its position is not/],
    ['a wrong place', `UPDATE network SET lat = lat + 1e-7 WHERE ${wifi}`, /4D:01: its place on the map/],
    [
      'a wrong variant',
      `UPDATE network_variant SET detections = 99 WHERE ${wifi}`,
      /4D:01: its variant .* is not/,
    ],
    [
      'a lost variant',
      `DELETE FROM network_variant WHERE ${wifi} AND name IS NULL`,
      /4D:01: its variant .* is missing/,
    ],
  ];
  for (const [title, damage, expected] of damages) {
    it(`finds ${title}`, async () => {
      const found: string[] = [];
      const undo = new Error('undo');
      const damaged = database.write(async (session) => {
        const changed = await session.query(`${damage} RETURNING 1`);
        assert.ok(changed.length > 0);
        for (const { severity, detail } of await verifyDetections(session)) {
          if (severity === 'error') found.push(detail);
        }
        throw undo;
      });
      await assert.rejects(damaged, undo);
      assert.ok(
        found.some((detail) => expected.test(detail)),
        found.join('\n'),
      );
    });
  }
});
