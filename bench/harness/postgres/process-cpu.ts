import { readFileSync } from 'node:fs';
import { processTree } from '../process-memory.ts';

/** Linux counts processor time in hundredths of a second, whatever the kernel's own clock is. */
const TICKS = 100;

/** Seconds of processor time that a process, its descendants, and those of them that have ended have used. */
export function processCpu(pid: number): number {
  let ticks = 0;
  for (const one of processTree(pid)) {
    const [own, ended] = ticksOf(one);
    ticks += own + ended;
  }
  return ticks / TICKS;
}

/** Of the process itself, and of children that have ended. */
function ticksOf(pid: number): readonly [number, number] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return [0, 0];
  }
  // The name of the program, in brackets, may hold spaces. See proc(5), fields 14 to 17.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15);
  return [user + system, endedUser + endedSystem];
}
