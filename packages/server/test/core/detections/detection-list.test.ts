import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { anyDetections } from '../../../src/conformance/detections/any-detections.ts';
import { isExpected } from '../../../src/conformance/detections/expected-detections.ts';
import { detection } from '../../../src/conformance/detections/make-detections.ts';
import type { DetectionSource, StoredDetection } from '../../../src/core/detections/detection-columns.ts';
import type { DetectionFilter } from '../../../src/core/detections/detection-filter.ts';
import {
  type DetectionKey,
  type DetectionQuery,
  NewestDetections,
} from '../../../src/core/detections/detection-list.ts';
import { columnsOf, sourcesOf } from './detection-sources.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);
const shuffledDetections = anyDetections.chain((list) => {
  const stored = list.map((one, at): StoredDetection => ({ ...one, ordinal: at + 1 }));
  return fc.shuffledSubarray(stored, { minLength: stored.length });
});
const anyTypeFilter: fc.Arbitrary<DetectionFilter> = fc.constantFrom({}, { types: ['wifi', 'ble'] });
const newestFirst = (a: DetectionKey, b: DetectionKey) => b.timestamp - a.timestamp || b.ordinal - a.ordinal;

function pageOf(sources: Iterable<DetectionSource>, query: DetectionQuery) {
  const newest = new NewestDetections(query);
  for (const source of sources) newest.offer(source);
  return newest.page();
}

describe('NewestDetections', () => {
  test('shows page by page what filter and sort would, whatever the order and size of sources', () => {
    let furtherPages = 0;
    const anyPages = fc.record({
      size: fc.integer({ min: 1, max: 9 }),
      limit: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(shuffledDetections, anyTypeFilter, anyPages, (rows, filter, { size, limit }) => {
        const expected = rows.filter((row) => isExpected(row, filter)).sort(newestFirst);
        let start = 0;
        for (let after: DetectionKey | undefined; ; start += limit) {
          const page = pageOf(sourcesOf(rows, size), { filter, limit, after });
          assert.deepEqual(page.items, expected.slice(start, start + limit));
          assert.equal(page.next !== null, start + limit < expected.length);
          if (page.next === null) return;
          furtherPages += 1;
          after = page.next;
        }
      }),
      { numRuns },
    );
    assert.ok(furtherPages > numRuns / 10, `hardly any list had a second page: ${furtherPages}`);
  });

  test('makes only what it shows, and holds no more than 64 sources', () => {
    const rows = Array.from({ length: 1000 }, (_, at): StoredDetection => {
      return { ...detection({ eventId: `d-${at}`, timestamp: (at * 7919) % 1000 }), ordinal: at + 1 };
    });
    let made = 0;
    const sources = function* () {
      for (const source of sourcesOf(rows, 2)) {
        const counted = (row: number) => {
          made += 1;
          return source.detection(row);
        };
        yield { columns: source.columns, detection: counted };
      }
    };
    const few = pageOf(sources(), { filter: {}, limit: 50 });
    assert.deepEqual([few.items.length, made], [50, 50]);
    made = 0;
    const many = pageOf(sources(), { filter: {}, limit: 300 });
    assert.deepEqual(
      many.items.map(({ timestamp }) => timestamp),
      Array.from({ length: 300 }, (_, at) => 999 - at),
    );
    // Some were made to let their sources go, and then found to be too old.
    assert.ok(made > 300 && made < 1000, `${made}`);
  });

  test('tells from which time on a source can matter', () => {
    const newest = new NewestDetections({ filter: {}, limit: 1 });
    assert.equal(newest.floor, -Infinity);
    const rows = [3, 9, 5].map((timestamp, at) => ({ ...detection({ timestamp }), ordinal: at + 1 }));
    newest.offer({ columns: columnsOf(rows), detection: (row) => rows[row] as StoredDetection });
    assert.equal(newest.floor, 5);
  });
});
