import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readNdjson } from '../../src/import/ndjson.ts';
import { detectionsOf, problemsOf, readAll } from './read-all.ts';

const good = '{"type":"wifi","bssid":"00:1A:2B:3C:4D:5E","timestamp":1000}';

test('good lines are kept beside bad ones, in any pieces alike', async () => {
  const lines = [
    good,
    '',
    '{"type":',
    `  ${good}\r`,
    '[]',
    '{"type":"wifi","type":"ble"}',
    '\u0000',
    `{"a":"${'x'.repeat(70_000)}"}`,
    good,
  ];
  for (const size of [1, 10, 100_000]) {
    const items = await readAll(readNdjson, `\ufeff${lines.join('\n')}`, { size });
    assert.deepEqual(problemsOf(items), [
      [3, 'item_invalid_json'],
      [5, 'invalid_item'],
      [6, 'duplicate_field'],
      [7, 'item_invalid_json'],
      [8, 'item_too_large'],
    ]);
    assert.deepEqual(
      items.flatMap((item) => ('detection' in item ? [item.line] : [])),
      [1, 4, 9],
    );
  }
});

test('a line names a device of its own only where it is trusted', async () => {
  const text = `${good}\n${good.replace('{', '{"device_id":"other",')}\n`;
  const own = await readAll(readNdjson, text, { context: { deviceId: 'unit-1', trustDeviceIds: true } });
  assert.deepEqual(
    detectionsOf(own).map((detection) => detection.deviceId),
    ['unit-1', 'other'],
  );
  assert.deepEqual(problemsOf(await readAll(readNdjson, text)), [[2, 'invalid_device_id']]);
});
