import { hash } from 'node:crypto';
import type { Detection } from '@pisync/protocol';
import type { IdentityHash, IdentityKind } from '../identity.ts';
import { digestBytes, eventIdBytes, seqBytes } from './identity-bytes.ts';

/** How a detection is recognised when it comes again; the same rule as for events. */
export function detectionIdentityKind(detection: Detection): IdentityKind {
  if (detection.seq !== null) return 'seq';
  if (detection.eventId !== null) return 'event_id';
  return detection.deviceTime !== null ? 'digest' : 'none';
}

/** What was observed, without who sent it when and under which number: equal texts are equal bodies. */
export function detectionBody(detection: Detection): string {
  const { position } = detection;
  return JSON.stringify([
    detection.deviceTime,
    detection.type,
    detection.identity,
    detection.name,
    detection.security,
    detection.channel,
    detection.frequencyMhz,
    detection.signalDbm,
    position === null
      ? null
      : [position.lat, position.lon, position.altitude, position.accuracy, position.heading, position.speed],
    detection.capabilities,
    detection.metadata,
  ]);
}

/** True exactly where {@link detectionBody} is the same text, at a tenth of its cost. */
export function sameDetectionBody(a: Detection, b: Detection): boolean {
  return (
    a.deviceTime === b.deviceTime &&
    a.type === b.type &&
    a.identity === b.identity &&
    a.name === b.name &&
    a.security === b.security &&
    a.channel === b.channel &&
    a.frequencyMhz === b.frequencyMhz &&
    a.signalDbm === b.signalDbm &&
    samePosition(a.position, b.position) &&
    a.capabilities === b.capabilities &&
    a.metadata === b.metadata
  );
}

function samePosition(a: Detection['position'], b: Detection['position']): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.lat === b.lat &&
    a.lon === b.lon &&
    a.altitude === b.altitude &&
    a.accuracy === b.accuracy &&
    a.heading === b.heading &&
    a.speed === b.speed
  );
}

/**
 * The first 64 bits of the SHA-256 of a detection's identity; null where it has none. Finds candidates, which are then
 * compared in full.
 */
export function detectionIdentityHash(detection: Detection): IdentityHash | null {
  const bytes = identityBytes(detection);
  return bytes === undefined ? null : hashOf(bytes);
}

/** {@link detectionIdentityHash} of every detection that has this number. */
export function detectionNumberHash(deviceId: string, epoch: string, seq: number): IdentityHash {
  return hashOf(seqBytes(deviceId, epoch, seq));
}

function hashOf(bytes: Uint8Array): IdentityHash {
  // As text of one byte a character, since that costs neither a buffer nor digits to be read again.
  const digest = hash('sha256', bytes, 'binary');
  return { high: wordAt(digest, 0), low: wordAt(digest, 4) };
}

/** The bytes whose equality is the identity of a detection; undefined where it has none. */
function identityBytes(detection: Detection): Uint8Array | undefined {
  const { deviceId, epoch, seq, eventId } = detection;
  if (seq !== null) return seqBytes(deviceId, epoch as string, seq);
  if (eventId !== null) return eventIdBytes(deviceId, eventId);
  return detection.deviceTime !== null ? digestBytes(detection) : undefined;
}

function wordAt(digest: string, at: number): number {
  let word = 0;
  for (let index = at; index < at + 4; index += 1) word = word * 256 + digest.charCodeAt(index);
  return word;
}
