import { hash } from 'node:crypto';
import { canonicalBody, type Observation, type ObservedDetection } from '@pisync/protocol';
import { detectionBody, detectionIdentityKind } from '../../../../core/detections/detection-identity.ts';
import { identityKind, identityText } from '../../../../core/identity.ts';
import type { CountedPoints } from '../../../../ports/store.ts';
import { textArray } from '../connection/arrays.ts';
import { CopyRows, copyRows } from '../connection/copy-rows.ts';
import type { Session } from '../connection/session.ts';

/** By what an observation is known, and what it says: 128 bits of SHA-256 each, as 32 hexadecimal digits. */
export interface Claim {
  readonly key: string;
  /** Null where nothing is kept that a repetition could be compared with. */
  readonly body: string | null;
}

/** Fewer rows go as arrays, in one round trip instead of two. */
const FEW = 24;

/** What an event claims; null where every arrival is a new fact. */
export function eventClaim(event: Observation): Claim | null {
  const kind = identityKind(event);
  if (kind === 'none') return null;
  const body = digest(`e\n${canonicalBody(event)}`);
  const { deviceId, epoch, seq } = event;
  if (kind === 'seq') return { key: numberKey(deviceId, epoch as string, seq as number), body };
  return { key: digest(`e\n${identityText(event)}`), body };
}

/** What a detection claims. Its ids and digests are apart from those of events; its numbers are not. */
export function detectionClaim(detection: ObservedDetection): Claim | null {
  const { deviceId, epoch, seq, eventId } = detection;
  const kind = detectionIdentityKind(detection);
  if (kind === 'none') return null;
  const text = detectionBody(detection);
  const body = digest(`d\n${text}`);
  if (kind === 'seq') return { key: numberKey(deviceId, epoch as string, seq as number), body };
  return { key: digest(`d\n${kind}\n${deviceId}\n${kind === 'event_id' ? eventId : text}`), body };
}

/** What is the same in the keys of all numbers of an epoch: their first digits. */
export const OUTBOX_DIGITS = 18;

/** What counted telemetry claims. */
export function countedClaim({ deviceId, epoch, seq }: CountedPoints): Claim {
  return { key: numberKey(deviceId, epoch, seq), body: null };
}

const DIGITS = 32;
const SEQ_DIGITS = DIGITS - OUTBOX_DIGITS;

/** Outboxes whose digests are remembered. */
const KEPT_OUTBOXES = 200_000;

let outboxes = new Map<string, string>();

/**
 * A number of an epoch is one observation's, of whatever kind: 72 bits of the digest of device and epoch, then the number, so
 * that the entries of an outbox lie side by side in the index.
 */
function numberKey(deviceId: string, epoch: string, seq: number): string {
  return outboxKey(deviceId, epoch) + seq.toString(16).padStart(SEQ_DIGITS, '0');
}

/** What the keys of all numbers of an epoch begin with: {@link OUTBOX_DIGITS}; the rest is the number. */
export function outboxKey(deviceId: string, epoch: string): string {
  const outbox = `seq\n${deviceId}\n${epoch}`;
  let key = outboxes.get(outbox);
  if (key === undefined) {
    key = digest(outbox).slice(0, OUTBOX_DIGITS);
    if (outboxes.size >= KEPT_OUTBOXES) outboxes = new Map();
    outboxes.set(outbox, key);
  }
  return key;
}

function digest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, DIGITS);
}

/**
 * Writes the claims that are new and finds those that were known before. To be called while the store is locked, so that
 * nobody else adds any.
 *
 * @param allNew - takes it that none is known: nothing is looked up, and {@link isRepetition} is true of what is thrown
 *   where one was
 * @returns the body of each claim that was known before this call, by key
 */
export async function claimAll(
  session: Session,
  claims: ReadonlyMap<string, string | null>,
  allNew: boolean,
): Promise<ReadonlyMap<string, string | null>> {
  const known = new Map<string, string | null>();
  if (claims.size === 0) return known;
  if (allNew) {
    await addClaims(session, [...claims]);
    return known;
  }
  const found = await session.query<Claim>('SELECT key, body FROM identity WHERE key = ANY($1::uuid[])', [
    textArray(claims.keys()),
  ]);
  for (const { key, body } of found) known.set(key, body);
  if (known.size < claims.size)
    await addClaims(
      session,
      [...claims].filter(([key]) => !known.has(key)),
    );
  return known;
}

/** True of the error that ends a transaction which took a known claim for new: SQLSTATE unique_violation. */
export function isRepetition(error: unknown): boolean {
  const { code, table } = error as { code?: unknown; table?: unknown };
  return code === '23505' && table === 'identity';
}

/** In the order of the index, which is quicker. */
async function addClaims(session: Session, claims: [string, string | null][]): Promise<void> {
  claims.sort(([a], [b]) => (a < b ? -1 : 1));
  if (claims.length <= FEW) {
    await session.query('INSERT INTO identity (key, body) SELECT * FROM unnest($1::uuid[], $2::uuid[])', [
      textArray(claims.map(([key]) => key)),
      textArray(claims.map(([, body]) => body)),
    ]);
    return;
  }
  const rows = new CopyRows();
  for (const [key, body] of claims) {
    rows.row(2);
    rows.uuid(key);
    rows.uuid(body);
  }
  await copyRows(session, 'identity (key, body)', rows);
}
