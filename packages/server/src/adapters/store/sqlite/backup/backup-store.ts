import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { PisyncError } from '@pisync/protocol';
import type { CopyOptions, CopyReport } from '../../../../ports/backup.ts';
import { lockPlace } from '../format/connection.ts';
import { isOccupied, PartialFile } from './partial-file.ts';
import { Snapshot } from './snapshot.ts';
import { type SoundCopy, writeSoundCopy } from './sound-copy.ts';

/**
 * Copies the store at `path` into the file `to`, while a server may have it open: everything that was acknowledged before the
 * call is in it. Nothing is written to the store. The file gets its name when it is whole, on disk and checked; a crash before
 * leaves what stood there.
 *
 * @throws {PisyncError} `invalid_config` where there is no store, or where something stands at `to` already; `store_unavailable`
 *   where the copy cannot be written; `store_damaged` where it is not sound; `store_newer`; `store_locked`
 *   where a server has another store open at `to`
 */
export async function backupSqliteStore(path: string, to: string, options: CopyOptions): Promise<CopyReport> {
  const place = resolve(to);
  const source = resolve(path);
  if (place === source)
    throw refused('The backup would take the place of the store itself; name another file.');
  const refuseExisting = (): void => {
    if (isOccupied(place) && !options.force)
      throw refused(`${place} exists already; name another file, or write over it with --force.`);
  };
  refuseExisting();
  // What stands there may be another store, with a server at work in it.
  if (existsSync(`${place}.lock`)) lockPlace(place).close();
  const copy = await copyTo(source, place, options, refuseExisting);
  return { ...copy, path: place, setAside: null };
}

async function copyTo(
  source: string,
  place: string,
  options: CopyOptions,
  beforePublish: () => void,
): Promise<SoundCopy> {
  const snapshot = new Snapshot(source, 'live');
  try {
    const file = new PartialFile(place, snapshot.bytes);
    try {
      const copy = await writeSoundCopy(snapshot, file, options);
      // Another backup to the same place may have ended meanwhile.
      beforePublish();
      file.publish();
      return copy;
    } catch (error) {
      file.remove();
      throw error;
    }
  } finally {
    snapshot.close();
  }
}

function refused(detail: string): PisyncError {
  return new PisyncError('invalid_config', { field: 'to', detail });
}
