export { type CommitReply, type CommitRequest, serveCommits } from './serve-commits.ts';
export { storeSuite } from './store-suite.ts';
export type { FaultKind, StoreSuiteOptions, SuiteReport } from './suite-recorder.ts';
