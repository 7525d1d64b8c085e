import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { seriesBytes } from '../../../../src/adapters/store/sqlite/points/point-parcel.ts';
import { packSeriesPage, SeriesTable } from '../../../../src/adapters/store/sqlite/points/series-table.ts';

function intern(table: SeriesTable, deviceId: string, key: string): number {
  const bytes = Buffer.from(seriesBytes(deviceId, key));
  return table.intern(bytes, 0, bytes.length);
}

const anyValue = fc.oneof(fc.double({ noNaN: true }), fc.boolean(), fc.constantFrom('on', 'é\u{1f600}', ''));
const anyNote = fc.record({
  device: fc.nat({ max: 30 }).map((number) => `pi-${number}`),
  key: fc.nat({ max: 200 }).map((number) => `metric,tag=${number}`),
  time: fc.integer({ min: -5, max: 5 }),
  value: anyValue,
});

describe('the table of series', () => {
  test('names, numbers and newest points survive their pages', () => {
    fc.assert(
      fc.property(
        fc.array(anyNote, { maxLength: 60 }),
        fc.nat({ max: 1500 }),
        fc.array(anyNote, { maxLength: 20 }),
        (notes, more, later) => {
          const table = new SeriesTable();
          const model = new Map<string, { time: number; value: number | boolean | string; kinds: number }>();
          const stored = new Map<number, Uint8Array>();
          const note = ({ device, key, time, value }: (typeof notes)[number]): void => {
            const series = intern(table, device, key);
            const texts = typeof value === 'string' ? [value] : [];
            const kind = typeof value === 'string' ? 2 : typeof value === 'boolean' ? 1 : 0;
            table.note(series, time, typeof value === 'string' ? 0 : Number(value), kind, texts);
            const known = model.get(`${device} ${key}`);
            const kinds = (known?.kinds ?? 0) | (1 << kind);
            const newest = known === undefined || time >= known.time ? { time, value } : known;
            model.set(`${device} ${key}`, { ...newest, kinds });
          };
          const save = (): void => {
            for (const { page, data } of table.takePages()) stored.set(page, packSeriesPage(data));
          };
          for (const one of notes) note(one);
          save();
          for (let at = 0; at < more; at++) note({ device: 'filling', key: `f${at}`, time: 0, value: at });
          for (const one of later) note(one);
          save();
          const loaded = new SeriesTable();
          for (const page of [...stored.keys()].sort((a, b) => a - b))
            loaded.loadPage(stored.get(page) as Uint8Array);
          for (const one of [table, loaded]) {
            assert.equal(one.count, model.size);
            for (const [at, [id, newest]] of [...model].entries()) {
              const [device = '', key = ''] = id.split(/ (.*)/s);
              const series = one.find(device, key);
              assert.equal(series, at);
              assert.deepEqual(one.name(series), { deviceId: device, key });
              assert.deepEqual(one.latest(series), newest);
              assert.equal(one.key(one.keyOf(series)), key);
              assert.equal(one.deviceId(one.deviceOf(series)), device);
            }
            assert.equal(one.keys, new Set([...model.keys()].map((id) => id.split(' ')[1])).size);
            const own = [...model.keys()].filter((id) => id.startsWith('pi-1 '));
            assert.deepEqual(
              one.ofDevice('pi-1').map((series) => `pi-1 ${one.name(series).key}`),
              own,
            );
            assert.deepEqual(one.ofDevice('nobody'), []);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
