import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { StorePolicy } from '../../src/ports/store.ts';

const commitProcess = join(import.meta.dirname, 'commit-process.ts');

/** Starts a process that opens the store of a URL and commits what comes by its standard input. */
export function startCommitProcess(url: string, policy: StorePolicy): ChildProcess {
  const options = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
  return spawn(process.execPath, [...options, commitProcess, url, policy.partial], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}
