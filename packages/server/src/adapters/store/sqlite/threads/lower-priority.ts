import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** As `nice` has it: about a tenth of the processor time of a thread that wants it as well. */
const NICE = 10;

/**
 * Lets other threads go first from now on: what sorts and compresses in the background shall not be what a commit or a
 * question waits for. When it falls behind, commits wait for it, so it is never starved. Where a thread has no priority of its
 * own, as outside of Linux, nothing happens.
 */
export function lowerPriority(): void {
  try {
    // On Linux a priority is a thread's, and the name of this link is the only place where Node tells which thread this is.
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, NICE);
  } catch {
    // It works as well with the priority that it has.
  }
}
