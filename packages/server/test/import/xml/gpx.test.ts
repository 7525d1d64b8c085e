import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGpx } from '../../../src/import/xml/gpx.ts';
import { problemsOf, readAll, tracksOf } from '../read-all.ts';

const gpx = (...inside: string[]) =>
  `<?xml version="1.0"?>\n<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">\n${inside.join('\n')}\n</gpx>`;
const point = (lat: string, lon: string, inside = '') => `<trkpt lat="${lat}" lon="${lon}">${inside}</trkpt>`;
const read = (text: string) => readAll(readGpx, text, { size: 13 });

test('points of tracks, with what a receiver tells', async () => {
  const extensions =
    '<extensions><g:TrackPointExtension><g:speed>2.5</g:speed><g:course>360</g:course></g:TrackPointExtension></extensions>';
  const full = `<ele>519.5</ele><time>2026-11-20T08:30:00.250Z</time><hdop>1.2</hdop>${extensions}`;
  const items = await read(
    gpx(
      '<wpt lat="1" lon="1"><name>no track</name></wpt>',
      `<trk><name>A &amp; B</name><trkseg>${point('48.1', '11.5', full)}</trkseg><trkseg>${point('48.2', '11.6')}</trkseg></trk>`,
      `<rte>${point('1', '1').replaceAll('trkpt', 'rtept')}</rte>`,
    ),
  );
  assert.deepEqual(items, [
    {
      line: 4,
      track: {
        deviceTime: Date.UTC(2026, 10, 20, 8, 30, 0, 250),
        lat: 48.1,
        lon: 11.5,
        altitude: 519.5,
        accuracy: 6,
        heading: 0,
        speed: 2.5,
        track: 'A & B',
        segment: 0,
      },
    },
    {
      line: 4,
      track: {
        ...{ deviceTime: null, lat: 48.2, lon: 11.6, altitude: null, accuracy: null },
        ...{ heading: null, speed: null, track: 'A & B', segment: 1 },
      },
    },
  ]);
});

test('points that are no place and times that are none are problems', async () => {
  const items = await read(
    gpx(
      '<trk><trkseg>',
      point('91', '11'),
      point('NaN', '11'),
      point('0', '0.0'),
      '<trkpt lon="1"/>',
      point('48', '11', '<time>yesterday</time>'),
      point('48', '11'),
      '</trkseg></trk>',
    ),
  );
  assert.deepEqual(problemsOf(items), [
    [4, 'out_of_range'],
    [5, 'out_of_range'],
    [6, 'out_of_range'],
    [7, 'out_of_range'],
    [8, 'invalid_timestamp'],
  ]);
  assert.equal(tracksOf(items).length, 1);
});

test('a file that was cut off keeps its whole points and says so', async () => {
  const whole = gpx(`<trk><trkseg>\n${point('48.1', '11.5')}\n${point('48.2', '11.6')}</trkseg></trk>`);
  const items = await read(whole.slice(0, whole.indexOf('11.6')));
  assert.equal(tracksOf(items).length, 1);
  assert.deepEqual(
    problemsOf(items).map(([, code]) => code),
    ['invalid_item'],
  );
});
