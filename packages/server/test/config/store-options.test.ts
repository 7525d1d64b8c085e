import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usualDatabaseOptions } from '../../src/adapters/store/postgres/connection/database.ts';
import { loadConfig, printableConfig } from '../../src/config/load.ts';
import { defaults } from '../../src/config/schema.ts';
import { storeOptionsOf, unusedStoreSettings } from '../../src/config/store-options.ts';

const replicas = 'postgres://u:secret@a:1/p, postgresql://b/p?user=u&password=secret&sslmode=require';

describe('how the store is reached', () => {
  it('is by default what the adapter takes by itself', () => {
    assert.deepEqual(storeOptionsOf(defaults), usualDatabaseOptions);
  });

  it('takes each setting under its own name', () => {
    const environment = {
      PISYNC_STORE_QUERY_CONNECTIONS: '11',
      PISYNC_STORE_REPORT_CONNECTIONS: '12',
      PISYNC_STORE_QUERY_TIMEOUT_MS: '1301',
      PISYNC_STORE_REPORT_TIMEOUT_MS: '1302',
      PISYNC_STORE_COMMIT_TIMEOUT_MS: '1303',
      PISYNC_STORE_LOCK_TIMEOUT_MS: '1304',
      PISYNC_STORE_CONNECT_TIMEOUT_MS: '1305',
      PISYNC_STORE_READ_URLS: replicas,
      PISYNC_STORE_READ_MAX_LAG_MS: '1306',
    };
    assert.deepEqual(storeOptionsOf(loadConfig({ environment }).config), {
      queryConnections: 11,
      reportConnections: 12,
      queryTimeoutMs: 1301,
      reportTimeoutMs: 1302,
      commitTimeoutMs: 1303,
      lockTimeoutMs: 1304,
      connectTimeoutMs: 1305,
      readUrls: ['postgres://u:secret@a:1/p', 'postgresql://b/p?user=u&password=secret&sslmode=require'],
      readMaxLagMs: 1306,
    });
  });

  it('never prints a password of a replica', () => {
    const { config } = loadConfig({ flags: { store_read_urls: replicas } });
    assert.equal(
      printableConfig(config).store_read_urls,
      'postgres://***@a:1/p, postgresql://b/p?user=u&password=***&sslmode=require',
    );
    const wrong = { flags: { store_read_urls: `${replicas}, sqlite:x` } };
    assert.throws(
      () => loadConfig(wrong),
      ({ code, message }: Error & { code?: string }) =>
        code === 'invalid_config' && !message.includes('secret') && message.includes('store_read_urls'),
    );
  });

  it('says which settings have no effect on the store that is configured', () => {
    const flags = { store_read_urls: 'postgres://a/p', store_lock_timeout_ms: '500', port: '1' };
    const of = (store: string) => unusedStoreSettings(loadConfig({ flags: { ...flags, store } }).config);
    assert.deepEqual(of('postgres://a/p'), []);
    assert.deepEqual(of('sqlite:./a.db'), [
      'store_lock_timeout_ms has no effect: it is for another kind of store than sqlite:',
      'store_read_urls has no effect: it is for another kind of store than sqlite:',
    ]);
    assert.deepEqual(unusedStoreSettings(defaults), []);
  });
});
