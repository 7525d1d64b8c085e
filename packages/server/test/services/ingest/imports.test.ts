import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { systemClock } from '../../../src/roles/system-clock.ts';
import { type ImportProgress, Imports } from '../../../src/services/ingest/imports.ts';
import { FakeSink } from './fake-sink.ts';

const folder = await mkdtemp(join(tmpdir(), 'pisync-imports-'));
after(() => rm(folder, { recursive: true }));

const head =
  'WigleWifi-1.6,appRelease=1\nMAC,SSID,AuthMode,FirstSeen,Channel,Frequency,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,AccuracyMeters,RCOIs,MfgrId,Type\n';
const mac = (at: number) =>
  `00:1A:2B:${at
    .toString(16)
    .toUpperCase()
    .padStart(6, '0')
    .replace(/(..)(?!$)/g, '$1:')}`;
const row = (at: number) =>
  `${mac(at)},Home,[ESS],2026-11-20 08:30:00,6,2437,-71,48.1371,11.5754,519.5,4.25,,,WIFI\n`;
const bad = (at: number) => `row ${at} cut in ha\n`;

async function* inPieces(file: string | Uint8Array, size = 30_000): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(file);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function importsOf(sink: FakeSink, maxBytes = 100_000_000): Imports {
  return new Imports(sink, systemClock, { spoolFolder: folder, maxBytes }, 400 * 86_400_000);
}

/** Milliseconds that this thread has worked: what other processes do does not count. */
function ownTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The longest time for which an import kept the thread, milliseconds. */
async function longestBlock(file: string | Uint8Array, sink: FakeSink): Promise<number> {
  let longest = 0;
  let before = ownTime();
  let watching = true;
  const watch = (): void => {
    longest = Math.max(longest, ownTime() - before);
    before = ownTime();
    if (watching) setImmediate(watch);
  };
  watch();
  const end = await importsOf(sink).run(order(file));
  // The last block ends with the import: the watch must see it.
  await setTimeout(1);
  watching = false;
  assert.equal(end.stored, 50_000);
  return longest;
}

function order(file: string | Uint8Array, fromLine = 1) {
  return { source: inPieces(file), deviceId: 'unit-1', name: 'walk.csv', fromLine };
}

describe('an import', () => {
  test('keeps good rows beside bad ones, which are in the quarantine with their lines', async () => {
    const sink = new FakeSink();
    const file = head + row(1) + bad(2) + row(3) + bad(4);
    const end = await importsOf(sink).run(order(file));
    assert.deepEqual(end, { line: 6, stored: 2, duplicate: 0, conflict: 0, rejected: 2, points: 0 });
    assert.deepEqual(
      sink.quarantined.map(({ detail, source, raw, deviceId }) => [
        detail.slice(0, 8),
        source,
        raw,
        deviceId,
      ]),
      [
        ['line 4: ', 'import', 'row 2 cut in ha', 'unit-1'],
        ['line 6: ', 'import', 'row 4 cut in ha', 'unit-1'],
      ],
    );
    assert.match(sink.quarantined[0]?.detail ?? '', /\(walk\.csv\)$/);
  });

  test('of the same file adds nothing, packed or not', async () => {
    const sink = new FakeSink();
    const file = head + Array.from({ length: 5000 }, (_, at) => row(at)).join('');
    await importsOf(sink).run(order(file));
    for (const again of [file, gzipSync(file)]) {
      const { stored, duplicate } = await importsOf(sink).run(order(again));
      assert.deepEqual([stored, duplicate], [0, 5000]);
    }
    assert.equal(sink.kept.size, 5000);
  });

  test('commits groups, a few at once and never more', async () => {
    const sink = new FakeSink();
    // Commits wait for each other, however slowly the file is read, and then for one too many.
    sink.pause = async () => {
      for (let waits = 0; waits < 1000 && sink.most < 6; waits++) await setTimeout(10);
      await setTimeout(50);
    };
    const file = head + Array.from({ length: 21_000 }, (_, at) => row(at)).join('');
    await importsOf(sink).run(order(file));
    assert.deepEqual(sink.commits, [...new Array(10).fill(2000), 1000]);
    assert.equal(sink.most, 6);
  });

  test('takes points of tracks that have a time', async () => {
    const sink = new FakeSink();
    const gpx = `<gpx><trk><trkseg><trkpt lat="1" lon="2"><time>2026-11-20T08:30:00Z</time></trkpt>
      <trkpt lat="1" lon="2"/></trkseg></trk></gpx>`;
    const end = await importsOf(sink).run(order(gpx));
    assert.deepEqual([end.points, end.rejected, sink.points.length], [1, 1, 1]);
    assert.match(sink.quarantined[0]?.detail ?? '', /^line 2: .*no time/);
  });
});

describe('progress', () => {
  test('has no gaps, whichever commit ends first, and an import from there on gives what is missing', async () => {
    const rows = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(rows, fc.nat(12), fc.infiniteStream(fc.nat(3)), async (pattern, failAt, pauses) => {
        const lines = pattern.flatMap((good, at) =>
          Array.from({ length: 300 }, (_, n) => (good ? row(at * 300 + n) : bad(at * 300 + n))),
        );
        const file = head + lines.join('');
        const sink = new FakeSink();
        sink.failAt = failAt;
        sink.pause = () => setTimeout(pauses.next().value);
        const told: ImportProgress[] = [];
        const first = await importsOf(sink)
          .run(order(file), (progress) => told.push(progress))
          .then(
            () => true,
            () => false,
          );
        assert.equal(sink.underWay, 0);
        const last = told.at(-1);
        const line = last?.line ?? 0;
        // Everything up to the line that was told is there.
        const upTo = file.split('\n').slice(0, line);
        const good = upTo.filter((text) => text.endsWith('WIFI'));
        for (const text of good) assert.ok([...sink.kept.values()].length >= good.length, text);
        assert.equal((last?.stored ?? 0) + (last?.rejected ?? 0), Math.max(0, line - 2));
        sink.failAt = 0;
        const rest = await importsOf(sink).run(order(file, line + 1));
        assert.equal(rest.line, lines.length + 2);
        assert.equal(sink.kept.size, lines.filter((text) => text.endsWith('WIFI\n')).length);
        assert.equal(
          (last?.rejected ?? 0) + rest.rejected,
          lines.filter((text) => text.startsWith('row')).length,
        );
        if (first) assert.equal(rest.stored + rest.duplicate + rest.rejected, 0);
      }),
      { numRuns: 15 },
    );
  });

  test('of a file in one line does not pass the line before all of it is kept', async () => {
    const point = '<trkpt lat="1" lon="2"><time>2026-11-20T08:30:00Z</time></trkpt>';
    const sink = new FakeSink();
    const told: number[] = [];
    const end = await importsOf(sink).run(
      order(`<gpx><trk><trkseg>${point.repeat(5000)}</trkseg></trk></gpx>`),
      (progress) => told.push(progress.line),
    );
    assert.deepEqual(told, [0, 0, 1]);
    assert.equal(end.points, 5000);
  });
});

describe('what ends an import', () => {
  test('a file of no format, a bomb', async () => {
    for (const file of ['hello', '', gzipSync('hello')]) {
      await assert.rejects(importsOf(new FakeSink()).run(order(file)), { code: 'unsupported_media_type' });
    }
    const bomb = gzipSync(head + row(1).repeat(100_000));
    await assert.rejects(importsOf(new FakeSink(), 1_000_000).run(order(bomb)), {
      code: 'payload_too_large',
    });
  });

  test('a source that breaks off: what was committed stays, nothing is under way, and no file is left', async () => {
    const path = join(folder, 'made.db');
    const database = new DatabaseSync(path);
    database.exec(
      'CREATE TABLE ap_cache (bssid TEXT, ssid TEXT, encryption TEXT, lat REAL, lon REAL, last_time INTEGER)',
    );
    database.close();
    const { readFile } = await import('node:fs/promises');
    for (const start of [head + row(1), gzipSync(head + row(1)), await readFile(path)]) {
      const sink = new FakeSink();
      const source = (async function* () {
        yield* inPieces(start);
        await setTimeout(1);
        throw new RangeError('gone');
      })();
      await assert.rejects(importsOf(sink).run({ ...order(''), source }), { name: 'RangeError' });
      assert.equal(sink.underWay, 0);
    }
    await rm(path);
    assert.deepEqual(await readdir(folder), []);
  });

  test('a signal, between two commits', async () => {
    const sink = new FakeSink();
    const stop = new AbortController();
    const file = head + Array.from({ length: 20_000 }, (_, at) => row(at)).join('');
    const run = importsOf(sink).run({ ...order(file), signal: stop.signal }, () =>
      stop.abort(new RangeError('stop')),
    );
    await assert.rejects(run, { name: 'RangeError' });
    assert.ok(sink.kept.size >= 2000 && sink.kept.size < 20_000);
  });
});

describe('the process', () => {
  test('is never kept busy for long, by text or by a database', async () => {
    const path = join(folder, 'big.db');
    const database = new DatabaseSync(path);
    database.exec(`CREATE TABLE wifi_detections (id INTEGER PRIMARY KEY, detection_timestamp TEXT, bssid TEXT, ssid TEXT, signal_strength_dbm INTEGER, latitude REAL, longitude REAL);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
      INSERT INTO wifi_detections SELECT i, '2026-11-20T08:30:00', printf('00:1A:2B:%02X:%02X:%02X', i / 65536 % 256, i / 256 % 256, i % 256), 'Home', -60, 48.1, 11.5 FROM n`);
    database.close();
    const { readFile } = await import('node:fs/promises');
    const files = [head + Array.from({ length: 50_000 }, (_, at) => row(at)).join(''), await readFile(path)];
    for (const file of files) {
      const sink = new FakeSink();
      sink.detections = async (list) => list.map(() => 'stored');
      await importsOf(sink).run(order(file));
      let shortest = Number.POSITIVE_INFINITY;
      for (let round = 0; round < 3; round += 1)
        shortest = Math.min(shortest, await longestBlock(file, sink));
      // The best of three: a collection of garbage may fall into one of them.
      assert.ok(shortest < 20, `${shortest} ms`);
    }
  });
});
