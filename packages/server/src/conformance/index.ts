export { serveCommits } from './serve-commits.ts';
export { type FaultKind, type StoreSuiteOptions, type SuiteReport, storeSuite } from './store-suite.ts';
