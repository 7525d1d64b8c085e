/** Started by the conformance suite: opens the store of a URL and commits what comes by standard input. */
import { serveCommits } from 'pisync/conformance';
import { openStore } from '../../src/adapters/registry.ts';
import type { Store, StorePolicy } from '../../src/ports/store.ts';

const [url = '', partial = 'failure'] = process.argv.slice(2);
const store: Store & { settle?: () => Promise<void> } = await openStore(url, {
  partial: partial as StorePolicy['partial'],
});
await serveCommits(store, process.stdin, process.stdout, () => store.settle?.() ?? Promise.resolve());
