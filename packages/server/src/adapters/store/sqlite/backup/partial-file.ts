import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PisyncError } from '@pisync/protocol';

/** What may lie beside a file of SQLite and belongs to it. */
const COMPANIONS = ['-wal', '-shm', '-journal'];

/**
 * A copy that is being made: a file beside the place where it will stand, under a name of its own until it is whole and
 * checked. A process that is killed leaves it under that name, and the next copy to the same place removes it.
 */
export class PartialFile {
  readonly path: string;
  readonly #place: string;

  /**
   * @param place - where the copy will stand, absolute
   * @param bytes - how large it will be
   * @throws {PisyncError} `invalid_config` where the folder cannot be written, `store_unavailable` where it is too small
   */
  constructor(place: string, bytes: number) {
    this.#place = place;
    this.path = `${place}.${process.pid}.partial`;
    try {
      mkdirSync(dirname(place), { recursive: true });
      removeLeftovers(place);
      this.remove();
      // Made here, so that nobody else can read what only the owner of the store may read.
      closeSync(openSync(this.path, 'wx', 0o600));
    } catch (cause) {
      const detail = `${place} cannot be written: ${(cause as Error).message}; look at its folder and permissions`;
      throw new PisyncError('invalid_config', { field: 'to', detail, cause });
    }
    const { bavail, bsize } = statfsSync(dirname(place));
    if (bavail * bsize >= bytes) return;
    this.remove();
    const detail = `${dirname(place)} has room for ${bavail * bsize} bytes, and the copy takes ${bytes}`;
    throw new PisyncError('store_unavailable', { detail });
  }

  /** Puts it on disk: its bytes, not yet its name. */
  flush(): void {
    flush(this.path);
  }

  /** Gives the copy its name, durably. What stood there is replaced. */
  publish(): void {
    // Those of a file that stood there must go: SQLite would apply an old log to the new file.
    for (const companion of COMPANIONS) {
      rmSync(this.path + companion, { force: true });
      rmSync(this.#place + companion, { force: true });
    }
    renameSync(this.path, this.#place);
    flush(dirname(this.#place));
  }

  remove(): void {
    for (const companion of ['', ...COMPANIONS]) rmSync(this.path + companion, { force: true });
  }
}

/** Removes what killed copies to the same place have left. */
function removeLeftovers(place: string): void {
  const start = `${basename(place)}.`;
  for (const name of readdirSync(dirname(place))) {
    const [, pid] = name.startsWith(start) ? (/^(\d+)\.partial$/.exec(name.slice(start.length)) ?? []) : [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    for (const companion of ['', ...COMPANIONS])
      rmSync(join(dirname(place), name + companion), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function flush(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** True where a store, or what is left of one, lies at a place. */
export function isOccupied(place: string): boolean {
  return ['', ...COMPANIONS].some((companion) => existsSync(place + companion));
}
