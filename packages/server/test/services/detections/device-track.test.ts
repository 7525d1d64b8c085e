import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { StoredDetection } from '../../../src/ports/detection-store.ts';
import { fenceCrossings, newestSessions } from '../../../src/services/detections/device-track.ts';

const minute = 60_000;

function heardAt(timestamp: number, lon: number | null = null): StoredDetection {
  const position =
    lon === null ? null : { lat: 0, lon, altitude: null, accuracy: null, heading: null, speed: null };
  return { timestamp, position } as StoredDetection;
}

async function* inBatches(detections: readonly StoredDetection[], size: number) {
  for (let at = 0; at < detections.length; at += size) yield detections.slice(at, at + size);
}

const newestFirst = fc
  .array(fc.integer({ min: 0, max: 500 }), { maxLength: 60 })
  .map((minutes) => minutes.sort((a, b) => b - a).map((at) => heardAt(at * minute)));

test('pages of sessions, one behind the other, are the sessions of the whole track', async () => {
  await fc.assert(
    fc.asyncProperty(
      newestFirst,
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 20 }),
      async (track, gap, limit, size) => {
        const whole = await newestSessions(inBatches(track, 100), gap, 1000);
        assert.equal(whole.more, false);
        const heard = whole.sessions.reduce((sum, { detections }) => sum + detections, 0);
        assert.equal(heard, track.length, 'each detection is in one session');
        for (const [at, session] of whole.sessions.entries()) {
          const before = whole.sessions[at + 1];
          if (before !== undefined) assert.ok(session.start - before.end > gap * minute);
        }
        const paged: unknown[] = [];
        let until = Number.POSITIVE_INFINITY;
        for (let more = true; more; ) {
          const left = track.filter(({ timestamp }) => timestamp < until);
          const page = await newestSessions(inBatches(left, size), gap, limit);
          assert.ok(page.sessions.length <= limit && paged.length <= track.length);
          paged.push(...page.sessions);
          ({ more } = page);
          until = page.sessions.at(-1)?.start ?? until;
        }
        assert.deepEqual(paged, whole.sessions);
      },
    ),
  );
});

test('a page of sessions reads no further than it must', async () => {
  let given = 0;
  async function* endless() {
    for (let at = 0; ; at += 1) {
      given += 1;
      yield [heardAt(-at * 10 * minute)];
    }
  }
  const { sessions, more } = await newestSessions(endless(), 5, 3);
  assert.deepEqual([sessions.length, more, given], [3, true, 4]);
});

test('what one scan heard at one place is one position, however it is cut into batches', async () => {
  const fence = { lat: 0, lon: 0, radius: 1000 };
  const scan = (at: number, lon: number) => Array.from({ length: 30 }, () => heardAt(at, lon));
  const track = [...scan(3000, 1), heardAt(2500), ...scan(2000, 0), ...scan(1000, -1)];
  for (const size of [1, 7, 100]) {
    const { crossed, positions } = await fenceCrossings(fence, inBatches(track, size), 'circle');
    assert.equal(positions, 3);
    assert.deepEqual(
      crossed.map(({ kind, timestamp, since }) => [kind, timestamp, since]),
      [
        ['enter', 2000, 1000],
        ['leave', 3000, 2000],
      ],
    );
  }
});

test('a track with too many positions is refused by name, with what to do', async () => {
  const many = Array.from({ length: 50_001 }, (_, at) => heardAt(-at, at / 1000));
  const fence = { lat: 0, lon: 0, radius: 1000 };
  await assert.rejects(fenceCrossings(fence, inBatches(many, 1000), 'circle'), {
    code: 'invalid_parameter',
    field: 'from',
    message: /shorter/,
  });
  const { positions } = await fenceCrossings(fence, inBatches(many.slice(1), 1000), 'circle');
  assert.equal(positions, 50_000);
});
