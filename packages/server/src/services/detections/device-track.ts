import { PisyncError } from '@pisync/protocol';
import { type Crossing, crossings, type Geofence, type TrackStep } from '../../core/detections/geofence.ts';
import { type ScanSession, ScanSessions } from '../../core/detections/sessions.ts';
import type { StoredDetection } from '../../ports/detection-store.ts';

/** Detections of one device, newest first. */
type Batches = AsyncIterable<readonly StoredDetection[]>;

/** Detections that are read for one page of sessions, where it shows one at least. */
const MAX_READ = 500_000;

/** Different positions of a track that one question may be about: the border is judged for each without a pause. */
const MAX_POSITIONS = 50_000;

/**
 * The newest scan sessions. It stops where there are enough, or after 500,000 detections where there is one at least, so that no
 * question takes for ever.
 *
 * @returns whole sessions, newest first, and whether there is more
 */
export async function newestSessions(
  batches: Batches,
  gapMinutes: number,
  limit: number,
): Promise<{ readonly sessions: readonly ScanSession[]; readonly more: boolean }> {
  const open = new ScanSessions(gapMinutes);
  const sessions: ScanSession[] = [];
  let read = 0;
  for await (const batch of batches) {
    for (const detection of batch) {
      const ended = open.add(detection);
      if (ended === undefined) continue;
      sessions.push(ended);
      // The detection that ended it belongs to the next one.
      if (sessions.length === limit) return { sessions, more: true };
    }
    read += batch.length;
    if (read >= MAX_READ && sessions.length > 0) return { sessions, more: true };
  }
  const last = open.end();
  return { sessions: last === undefined ? sessions : [...sessions, last], more: false };
}

/**
 * When a device went into a geofence and out of it.
 *
 * @param field - the parameter that the fence came by
 * @returns crossings, oldest first, and how many positions they were found in
 * @throws {PisyncError} `invalid_parameter` where the track has too many positions, or the fence no inside
 */
export async function fenceCrossings(
  fence: Geofence,
  batches: Batches,
  field: string,
): Promise<{ readonly crossed: readonly Crossing[]; readonly positions: number }> {
  const track: TrackStep[] = [];
  for await (const batch of batches) {
    for (const detection of batch) {
      const step = stepOf(detection);
      // One scan hears many networks at one time and place.
      if (step === undefined || isSame(step, track[track.length - 1])) continue;
      if (track.length === MAX_POSITIONS) throw tooLong();
      track.push(step);
    }
  }
  track.reverse();
  try {
    return { crossed: [...crossings(fence, track)], positions: track.length };
  } catch (error) {
    if (!(error instanceof PisyncError)) throw error;
    throw new PisyncError(error.code, { field, detail: `${error.message}.` });
  }
}

function stepOf({ timestamp, position }: StoredDetection): TrackStep | undefined {
  if (position === null) return undefined;
  return { timestamp, lat: position.lat, lon: position.lon, accuracy: position.accuracy };
}

function isSame(step: TrackStep, other: TrackStep | undefined): boolean {
  return (
    step.timestamp === other?.timestamp &&
    step.lat === other.lat &&
    step.lon === other.lon &&
    step.accuracy === other.accuracy
  );
}

function tooLong(): PisyncError {
  const detail = `The device was at over ${MAX_POSITIONS} positions in this time. Ask for a shorter one, by from and to.`;
  return new PisyncError('invalid_parameter', { field: 'from', detail });
}
