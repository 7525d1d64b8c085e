/**
 * Loaded before a server that is to be killed (`--import`): its store seals small runs, so that kills fall into seals and merges.
 * The limits are options of the store for its tests, not of the product: here the module that opens it is put behind another one.
 */
import { registerHooks } from 'node:module';

/** Unsealed observations of each kind from which a run is sealed; eight runs are merged. */
const limits = { sealEvents: 1024, sealPoints: 1024, sealDetections: 256 };
const mark = '?small-runs';

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const opensStore = found.url.endsWith('/adapters/store/sqlite/sqlite-store.ts');
    return opensStore && context.parentURL?.endsWith(mark) !== true
      ? { ...found, url: found.url + mark }
      : found;
  },
  load(url, context, next) {
    if (!url.endsWith(mark)) return next(url, context);
    const real = JSON.stringify(url.slice(0, -mark.length));
    const source = `import { openSqliteStore as open } from ${real};
      export const openSqliteStore = (path, policy) => open(path, policy, ${JSON.stringify(limits)});`;
    return { format: 'module', source, shortCircuit: true };
  },
});
