import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gpx } from '@tmcw/togeojson';
import { DOMParser, onWarningStopParsing } from '@xmldom/xmldom';
import fc from 'fast-check';
import { detectionGpx, networkGpx } from '../../src/export/xml/gpx.ts';
import type { TrackPoint } from '../../src/import/import-item.ts';
import { readGpx } from '../../src/import/xml/gpx.ts';
import type { StoredDetection } from '../../src/ports/detection-store.ts';
import { problemsOf, readAll, tracksOf } from '../import/read-all.ts';
import { arbitraryPosition } from './arbitrary-detection.ts';
import { networkRecord } from './arbitrary-network.ts';
import { context, detection, textOf } from './write-all.ts';

const parse = (text: string) =>
  new DOMParser({ onError: onWarningStopParsing }).parseFromString(text, 'text/xml');

async function pointsOf(text: string): Promise<TrackPoint[]> {
  const items = await readAll(readGpx, text);
  assert.deepEqual(problemsOf(items), []);
  return tracksOf(items);
}

const start = Date.UTC(2026, 10, 20, 8);
const at = (minutes: number, deviceId: string, lat: number): StoredDetection =>
  detection({
    deviceId,
    timestamp: start + minutes * 60_000,
    position: { lat, lon: 11, altitude: null, accuracy: null, heading: null, speed: null },
  });

test('a session of a device is a track in order of time, whatever the order of the rows', async () => {
  const rows = [at(0, 'a', 1), at(1, 'b', 2), at(2, 'a', 3), at(6, 'a', 4), at(12, 'a', 5), at(12, 'a', 5)];
  for (const order of [rows, rows.toReversed()]) {
    const points = await pointsOf(await textOf(detectionGpx, order));
    const tracks = Map.groupBy(points, ({ track }) => track);
    assert.deepEqual(
      Object.fromEntries([...tracks].map(([name, each]) => [name, each.map(({ lat }) => lat)])),
      {
        'a 2026-11-20T08:00:00.000Z': [1, 3, 4],
        'b 2026-11-20T08:01:00.000Z': [2],
        'a 2026-11-20T08:12:00.000Z': [5],
      },
    );
  }
});

test('our reader has every point of any detections again', async () => {
  const row = fc.record({
    step: fc.nat(400_000),
    deviceId: fc.constantFrom('a', 'b'),
    position: fc.option(arbitraryPosition),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 12 }), async (steps) => {
      let timestamp = start;
      const rows = steps.map(({ step, ...own }) => {
        timestamp -= step;
        return detection({ ...own, timestamp });
      });
      const text = await textOf(detectionGpx, rows);
      parse(text);
      const points = await pointsOf(text);
      const wanted = rows.flatMap(({ position, timestamp: time, deviceId }) =>
        position === null
          ? []
          : [{ ...position, lon: position.lon === 180 ? -180 : position.lon, time, deviceId }],
      );
      const keyOf = (device: string | undefined, time: number, place: { lat: number; lon: number }) =>
        `${device} ${Math.floor(time / 1000)} ${place.lat} ${place.lon}`;
      const read = new Map(
        points.map((point) => [keyOf(point.track?.split(' ')[0], point.deviceTime ?? 0, point), point]),
      );
      assert.equal(read.size, points.length);
      // Of one second and place, the row that came first is written.
      const first = new Map(wanted.toReversed().map((each) => [keyOf(each.deviceId, each.time, each), each]));
      assert.deepEqual(new Set(read.keys()), new Set(first.keys()));
      for (const [key, each] of first) {
        const point = read.get(key) as TrackPoint;
        assert.deepEqual(
          [point.deviceTime, point.altitude, point.heading, point.speed],
          [each.time, each.altitude, each.heading, each.speed],
        );
        const error = Math.abs((point.accuracy ?? -1) - (each.accuracy ?? -1));
        assert.ok(
          error <= 1e-15 * (each.accuracy ?? 0) + 1e-300 || point.accuracy === each.accuracy,
          `${point.accuracy} ${each.accuracy}`,
        );
      }
      for (const track of Map.groupBy(points, (point) => point.track).values()) {
        const times = track.map((point) => point.deviceTime as number);
        assert.ok(times.every((time, index) => index === 0 || (times[index - 1] as number) <= time));
        assert.ok(
          times.every((time, index) => index === 0 || time - (times[index - 1] as number) <= 300_000),
        );
      }
    }),
    { numRuns: 300 },
  );
});

test('sessions without end are written in parts, and no point is lost', async () => {
  const rows = Array.from({ length: 40_000 }, (_, index) =>
    at(-index / 60, `unit-${index % 3}`, 40 + index / 1e6),
  );
  let batches = 0;
  async function* source() {
    for (; batches < 40; batches += 1) yield rows.slice(batches * 1000, batches * 1000 + 1000);
  }
  let text = '';
  let before = 0;
  for await (const chunk of detectionGpx(source(), context)) {
    if (text === '') before = batches;
    text += Buffer.from(chunk).toString();
  }
  assert.ok(before < 20, `the first bytes came after ${before} of 40 batches`);
  assert.equal((await pointsOf(text)).length, 40_000);
});

test('any networks are way points of strict XML, where they have a place', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(networkRecord, { maxLength: 5 }), async (rows) => {
      const { features } = gpx(parse(await textOf(networkGpx, rows)) as never) as {
        features: { geometry: unknown }[];
      };
      assert.deepEqual(
        features.map(({ geometry }) => geometry),
        rows.flatMap(({ position }) =>
          position === null
            ? []
            : [{ type: 'Point', coordinates: [position.lon === 180 ? -180 : position.lon, position.lat] }],
        ),
      );
    }),
    { numRuns: 200 },
  );
});
