import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of a process with all its threads, in bytes. */
export interface ProcessMemory {
  readonly now: number;
  /** The most it ever was. */
  readonly peak: number;
}

/** A process and all its descendants, itself first; empty where it is gone. */
export function processTree(pid: number): number[] {
  const found: number[] = [];
  const visit = (one: number): void => {
    let threads: string[];
    try {
      threads = readdirSync(`/proc/${one}/task`);
    } catch {
      return;
    }
    found.push(one);
    for (const thread of threads) for (const child of childrenOf(one, thread)) visit(child);
  };
  visit(pid);
  return found;
}

/** Memory of a process and its descendants, summed: a launcher in front of the server counts, too. */
export function processMemory(pid: number): ProcessMemory {
  let now = 0;
  let peak = 0;
  for (const one of processTree(pid)) {
    const status = readOr(`/proc/${one}/status`);
    now += kilobytes(status, 'VmRSS') * 1024;
    peak += kilobytes(status, 'VmHWM') * 1024;
  }
  return { now, peak };
}

function childrenOf(pid: number, thread: string): number[] {
  return readOr(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number);
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}
