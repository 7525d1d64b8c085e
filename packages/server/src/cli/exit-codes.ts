import { PisyncError } from '@pisync/protocol';

/** What the process's exit code tells a script; printed by `pisync --help`. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, unreachable: 3, store: 4 } as const;

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The lines of `pisync --help`. */
export const exitCodeHelp: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'all is well',
  failed: 'the command found problems, or the server said no',
  usage: 'the command line or the configuration is wrong',
  unreachable: 'no server answers at the URL',
  store: 'the store is locked, damaged, unsafe or cannot be written',
};

/** The exit code that an error ends the process with. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof PisyncError)) return exitCodes.failed;
  if (error.code === 'server_unreachable') return exitCodes.unreachable;
  if (error.kind === 'store' || error.code === 'store_unavailable') return exitCodes.store;
  return error.kind === 'config' ? exitCodes.usage : exitCodes.failed;
}
