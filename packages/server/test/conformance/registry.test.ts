import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import { openStore } from '../../src/adapters/registry.ts';

const policy = { partial: 'failure' } as const;

describe('openStore', () => {
  test('opens a memory store', async () => {
    const store = await openStore('memory:', policy);
    assert.deepEqual(store.supports, { durable: false, exclusive: false });
    await store.close();
  });

  test('opens a sqlite store at a path', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pisync-registry-'));
    try {
      const store = await openStore(`sqlite:${join(folder, 'a:b.db')}`, policy);
      assert.deepEqual(store.supports, { durable: true, exclusive: true });
      await store.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('refuses other URLs with the fix, and repeats no secret of them', async () => {
    const urls = [
      'mysql://user:secret@host/db',
      './data/pisync.db',
      '',
      'memory:secret',
      'sqlite:',
      'toString:',
    ];
    for (const url of urls) {
      await assert.rejects(openStore(url, policy), (error) => {
        assert.ok(error instanceof PisyncError);
        assert.equal(error.code, 'invalid_config');
        assert.equal(error.field, 'store');
        assert.match(error.message, /sqlite:\.\/data\/pisync\.db|memory:/);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    }
  });
});
