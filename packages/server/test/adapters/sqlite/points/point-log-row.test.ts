import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PointLogRows, readPointLogRow } from '../../../../src/adapters/store/sqlite/points/point-log-row.ts';
import { ParcelView, packPoints } from '../../../../src/adapters/store/sqlite/points/point-parcel.ts';
import { SeriesTable } from '../../../../src/adapters/store/sqlite/points/series-table.ts';
import { pointBatch } from '../../../../src/conformance/telemetry/make-points.ts';

const anyTime = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: 1_700_000_000_000_000, max: 1_700_000_000_050_000 }),
  // On both sides of what 32 bits hold.
  fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32),
);

const anyPoint = fc.record({
  deviceId: fc.constantFrom('a', 'b', 'pi-000001'),
  key: fc.constantFrom('t', 'p', 'weather.Zürich'),
  time: anyTime,
  value: fc.oneof(
    { weight: 4, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
    { weight: 1, arbitrary: fc.boolean() },
    { weight: 1, arbitrary: fc.constantFrom('', 'open', 'größer') },
  ),
});

/** Points of a parcel, and places between which some were not kept. */
const anyParcel = fc.record({
  points: fc.array(anyPoint, { minLength: 1, maxLength: 12 }),
  dropped: fc.tuple(fc.nat(12), fc.nat(12)),
});

interface Told {
  readonly name: { readonly deviceId: string; readonly key: string };
  readonly time: number;
  readonly value: number | string;
  readonly kind: number;
}

type Row = ReturnType<typeof readPointLogRow>;

function told({ count, times, values, kinds, seriesOf, numbers, texts }: Row, series: SeriesTable): Told[] {
  return Array.from({ length: count }, (_, at) => {
    const kind = kinds === null ? 0 : (kinds[at] as number);
    const value = values[at] as number;
    return {
      name: series.name(numbers[seriesOf[at] as number] as number),
      time: times[at] as number,
      value: kind === 2 ? (texts[value] as string) : value,
      kind,
    };
  });
}

describe('rows of the point log', () => {
  test('any parcels come back as they were kept, bit for bit, with the numbers that their series have', () => {
    const seen = { short: 0, dropped: 0, known: 0 };
    fc.assert(
      fc.property(fc.array(anyParcel, { minLength: 1, maxLength: 5 }), (parcels) => {
        const [written, read] = [new SeriesTable(), new SeriesTable()];
        const rows = new PointLogRows();
        for (const { points, dropped } of parcels) {
          const view = new ParcelView(packPoints(pointBatch(points)));
          const [from, to] = [Math.min(...dropped), Math.min(Math.max(...dropped), points.length)];
          if (from < to) view.drop(from, to);
          if (!view.holdsPoints) continue;
          const known = written.count;
          const row = rows.write(view, written);
          const again = readPointLogRow(Uint8Array.from(row.data), read);
          const expected = points
            .filter((_, at) => at < from || at >= to)
            .map(({ deviceId, key, time, value }) => ({
              name: { deviceId, key },
              time,
              value: typeof value === 'boolean' ? Number(value) : value,
              kind: typeof value === 'number' ? 0 : typeof value === 'boolean' ? 1 : 2,
            }));
          assert.deepEqual(told(row.points, written), expected);
          assert.deepEqual(told(again, read), expected);
          assert.equal(read.count, written.count);
          seen.short += Number((row.data[12] as number) & 4);
          seen.dropped += Number(from < to);
          seen.known += Number(known === written.count);
        }
        // Another log is read after pages that hold all of them.
        for (let number = 0; number < written.count; number++)
          assert.deepEqual(read.name(number), written.name(number));
      }),
      { numRuns: 1000 },
    );
    for (const [what, times] of Object.entries(seen)) assert.ok(times > 50, what);
  });

  test('a row is read again behind a table that knows its series already', () => {
    const series = new SeriesTable();
    const rows = new PointLogRows();
    const row = rows.write(new ParcelView(packPoints(pointBatch([point('a'), point('b')]))), series);
    const data = Uint8Array.from(row.data);
    assert.deepEqual(readPointLogRow(data, series).numbers, Uint32Array.of(0, 1));
    assert.equal(series.count, 2);
  });

  test('names are written once', () => {
    const series = new SeriesTable();
    const rows = new PointLogRows();
    const parcel = () => new ParcelView(packPoints(pointBatch([point('a'), point('b')])));
    const first = rows.write(parcel(), series).data.length;
    const second = rows.write(parcel(), series).data.length;
    assert.equal(first - second, 2 * 'xa__t'.length);
  });

  test('bytes that are no row, and series that are not where the row says, are refused', () => {
    const series = new SeriesTable();
    const data = Uint8Array.from(
      new PointLogRows().write(new ParcelView(packPoints(pointBatch([point('a')]))), series).data,
    );
    const other = Uint8Array.from(data);
    other[0] = 1;
    assert.throws(() => readPointLogRow(other, series), /version 1/);
    const strangers = new SeriesTable();
    readPointLogRow(rowOf('z', strangers), new SeriesTable());
    assert.throws(() => readPointLogRow(data, strangers), /series 0 of the point log is known as 1/);
    const second = rowOf('a', series);
    assert.throws(() => readPointLogRow(second, new SeriesTable()), /a point of series 0, which has no name/);
  });
});

function point(deviceId: string): { deviceId: string; key: string; time: number; value: number } {
  return { deviceId, key: 't', time: 5, value: 1 };
}

function rowOf(deviceId: string, series: SeriesTable): Uint8Array {
  const parcel = new ParcelView(packPoints(pointBatch([point(deviceId)])));
  return Uint8Array.from(new PointLogRows().write(parcel, series).data);
}
