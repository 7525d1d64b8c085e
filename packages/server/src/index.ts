/** PiSync as a library: open a store, or start a whole server in this process. */
export { openStore } from './adapters/registry.ts';
export { type Config, defaults } from './config/schema.ts';
export type * from './ports/store.ts';
export { type Running, type Surroundings, startAll } from './roles/all.ts';
