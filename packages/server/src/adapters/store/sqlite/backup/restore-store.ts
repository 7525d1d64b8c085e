import { resolve } from 'node:path';
import { PisyncError } from '@pisync/protocol';
import type { CopyOptions, CopyReport } from '../../../../ports/backup.ts';
import { lockPlace, setAside } from '../format/connection.ts';
import { isOccupied, PartialFile } from './partial-file.ts';
import { Snapshot } from './snapshot.ts';
import { writeSoundCopy } from './sound-copy.ts';

/**
 * Puts the store in the file `from` at `path`, where no server may have one open. The copy is checked before it takes the place;
 * with `force`, the store that stood there is moved to `PATH.before-restore-TIME` first. `from` stays as it is.
 *
 * @throws {PisyncError} `store_locked` while a server holds the place; `invalid_config` where a store stands there, or where
 *   `from` is none; `store_unavailable` where it cannot be written; `store_damaged` where `from` is not sound; `store_newer`
 */
export async function restoreSqliteStore(
  from: string,
  path: string,
  options: CopyOptions,
): Promise<CopyReport> {
  const place = resolve(path);
  const source = resolve(from);
  if (place === source) throw refused(`${place} is where it is already; name another file to restore from.`);
  const snapshot = new Snapshot(source, 'still');
  try {
    // Held to the end, so that no server begins a store in between.
    const lock = lockPlace(place);
    try {
      return await restoreAt(snapshot, place, options);
    } finally {
      lock.close();
    }
  } finally {
    snapshot.close();
  }
}

async function restoreAt(snapshot: Snapshot, place: string, options: CopyOptions): Promise<CopyReport> {
  if (isOccupied(place) && !options.force)
    throw refused(
      `There is a store at ${place}; with --force it is set aside as ${place}.before-restore-TIME first.`,
    );
  const file = new PartialFile(place, snapshot.bytes);
  try {
    const copy = await writeSoundCopy(snapshot, file, options);
    // Its log, too: SQLite would apply an old log to the new file.
    const aside = isOccupied(place) ? setAside(place, new Date(), 'before-restore') : null;
    file.publish();
    return { ...copy, path: place, setAside: aside };
  } catch (error) {
    file.remove();
    throw error;
  }
}

function refused(detail: string): PisyncError {
  return new PisyncError('invalid_config', { field: 'store', detail });
}
