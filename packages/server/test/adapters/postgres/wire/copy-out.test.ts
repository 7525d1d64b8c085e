import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CopyFrames } from '../../../../src/adapters/store/postgres/wire/copy-out.ts';

test('what is known at an error goes to the driver', () => {
  const frames = new CopyFrames({ take: () => assert.fail('no row came') });
  const error = Buffer.from([0x45, 0, 0, 0, 9, 1, 2, 3, 4, 5]);
  assert.equal(frames.push(Buffer.from([0x48, 0, 0])), undefined);
  assert.deepEqual(frames.push(Buffer.concat([Buffer.from([0, 4]), error])), error);
});
