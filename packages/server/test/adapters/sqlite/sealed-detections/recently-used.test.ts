import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RecentlyUsed } from '../../../../src/adapters/store/sqlite/sealed-detections/recently-used.ts';

describe('RecentlyUsed', () => {
  const kept = (dropped: number[] = []): RecentlyUsed<string, number> => {
    const values = new RecentlyUsed<string, number>(3, (value) => dropped.push(value));
    for (const [key, value] of [
      ['a', 10],
      ['b', 20],
      ['c', 30],
    ] as const)
      values.get(key, () => value);
    values.get('a', () => assert.fail('a is kept'));
    return values;
  };
  const fresh = (values: RecentlyUsed<string, number>, key: string): boolean => {
    let made = false;
    values.get(key, () => {
      made = true;
      return 0;
    });
    return made;
  };

  test('drops the one that was not asked for longest when there are too many', () => {
    const dropped: number[] = [];
    const values = kept(dropped);
    values.get('d', () => 40);
    assert.deepEqual(dropped, [20]);
    assert.deepEqual(
      [fresh(values, 'a'), fresh(values, 'c'), fresh(values, 'd'), fresh(values, 'b')],
      [...[false, false, false, true]],
    );
  });

  test('drops those that were not asked for longest until the rest is small enough, and no more', () => {
    const dropped: number[] = [];
    const values = kept(dropped);
    const within = (most: number): void => values.keepWithin(most, (value) => value);
    within(60);
    assert.deepEqual(dropped, []);
    within(59);
    assert.deepEqual(dropped, [20]);
    within(39);
    assert.deepEqual(dropped, [20, 30]);
    assert.equal(fresh(values, 'a'), false);
    within(0);
    assert.deepEqual(dropped, [20, 30, 10]);
  });

  test('tells all that is cleared', () => {
    const dropped: number[] = [];
    kept(dropped).clear();
    assert.deepEqual(dropped, [20, 30, 10]);
  });
});
