import { storeSuite } from 'pisync/conformance';
import { openMemoryStore } from '../../src/adapters/store/memory/memory-store.ts';

storeSuite({
  name: 'memory',
  supports: { durable: false, exclusive: false },
  createPlace: async () => 'memory:',
  removePlace: async () => {},
  open: (_place, policy) => openMemoryStore(policy),
  numRuns: 200,
});
