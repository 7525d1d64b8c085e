import type { StoreOptions } from '../ports/store-options.ts';
import { type Config, configKeys, defaults, keySpec, urlsIn } from './schema.ts';

/** How the configured store is to be reached. */
export function storeOptionsOf(config: Config): StoreOptions {
  return {
    queryConnections: config.store_query_connections,
    reportConnections: config.store_report_connections,
    queryTimeoutMs: config.store_query_timeout_ms,
    reportTimeoutMs: config.store_report_timeout_ms,
    commitTimeoutMs: config.store_commit_timeout_ms,
    lockTimeoutMs: config.store_lock_timeout_ms,
    connectTimeoutMs: config.store_connect_timeout_ms,
    readUrls: urlsIn(config.store_read_urls),
    readMaxLagMs: config.store_read_max_lag_ms,
  };
}

/** Settings that were changed and have no effect on a store of this kind, for the screen and the log at every start. */
export function unusedStoreSettings(config: Config): readonly string[] {
  const scheme = config.store.slice(0, config.store.indexOf(':') + 1);
  return configKeys
    .filter((key) => {
      const { stores } = keySpec(key);
      return stores !== undefined && !stores.includes(scheme) && config[key] !== defaults[key];
    })
    .map((key) => `${key} has no effect: it is for another kind of store than ${scheme}`);
}
