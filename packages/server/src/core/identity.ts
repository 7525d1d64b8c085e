import { hash } from 'node:crypto';
import { canonicalBody, type SyncEvent } from '@pisync/protocol';
import { digestBytes } from './digest-bytes.ts';

/**
 * How an observation is recognised when it comes again, strongest first: a counter, an id chosen by the sender, a digest
 * of the body where it has a time, or nothing at all (every arrival is a new fact).
 */
export type IdentityKind = 'seq' | 'event_id' | 'digest' | 'none';

export function identityKind(event: SyncEvent): IdentityKind {
  if (event.seq !== null) return 'seq';
  if (event.eventId !== null) return 'event_id';
  return event.deviceTime !== null ? 'digest' : 'none';
}

/** 64 bits of SHA-256 as two unsigned 32-bit numbers. */
export interface IdentityHash {
  readonly high: number;
  readonly low: number;
}

/** The text whose equality is the identity of an event without `seq`. */
export function identityText(event: SyncEvent): string {
  return event.eventId !== null
    ? `event_id\n${event.deviceId}\n${event.eventId}`
    : `digest\n${event.deviceId}\n${canonicalBody(event)}`;
}

/** The first 64 bits of the SHA-256 of {@link identityText}: finds candidates, which are then compared in full. */
export function identityHash(event: SyncEvent): IdentityHash {
  const plain = event.eventId === null && event.metadata === null;
  // As text of one byte a character, since that costs neither a buffer nor digits to be read again.
  const digest = hash('sha256', plain ? digestBytes(event) : identityText(event), 'binary');
  return { high: wordAt(digest, 0), low: wordAt(digest, 4) };
}

function wordAt(digest: string, at: number): number {
  let word = 0;
  for (let index = at; index < at + 4; index += 1) word = word * 256 + digest.charCodeAt(index);
  return word;
}

/** The 53 leading bits of an identity hash: orders events of one instant the same way in every store. */
export function tieOf(high: number, low: number): number {
  return high * 0x200000 + (low >>> 11);
}
