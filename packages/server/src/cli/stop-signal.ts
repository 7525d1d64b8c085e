import { setTimeout } from 'node:timers/promises';
import type { Terminal } from './terminal.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const signalNumbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/**
 * One key press arrives more than once: the terminal signals the whole process group, and npm or a parent
 * process passes its own copy on. Copies within this time are one wish.
 */
const samePressMs = 500;

/**
 * Copies mostly come within this time. A stop that takes less is held until then: a process that is already ending has no
 * handlers any more, and a copy would turn its clean end into a killed one.
 */
const copiesWithinMs = 100;

/** Time after a clean stop until whatever still keeps the process alive is abandoned. */
const lingerMs = 1_000;

/**
 * Calls `stop` once at the first SIGINT, SIGTERM or SIGHUP. A later one ends the process at once, with the exit
 * code 128 + signal. The handlers stay for the life of the process: a late copy of the signal must not turn a clean
 * stop into a killed process.
 */
export function onStopSignal(stop: () => void): void {
  let firstAt: number | undefined;
  for (const signal of signals) {
    process.on(signal, () => {
      if (firstAt === undefined) {
        firstAt = performance.now();
        stop();
      } else if (performance.now() - firstAt > samePressMs) {
        process.exit(128 + signalNumbers[signal]);
      }
    });
  }
}

/**
 * Waits for a signal to stop, then runs `stop` once; see {@link onStopSignal} for a second signal.
 *
 * @param announcement - said when stopping begins
 * @throws what `stop` throws
 */
export async function untilStopped(
  terminal: Terminal,
  announcement: string,
  stop: () => Promise<void>,
): Promise<void> {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  onStopSignal(ask);
  await asked;
  const copiesCame = setTimeout(copiesWithinMs);
  if (!terminal.json) terminal.note(announcement);
  try {
    await stop();
    await copiesCame;
  } finally {
    setTimeout(lingerMs, undefined, { ref: false }).then(() => process.exit());
  }
}
