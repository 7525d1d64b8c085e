import { hash } from 'node:crypto';
import { canonicalBody, type Observation, type ObservedDetection } from '@pisync/protocol';
import { detectionBody, detectionIdentityKind } from '../../../../core/detections/detection-identity.ts';
import { identityKind, identityText } from '../../../../core/identity.ts';
import type { CountedPoints } from '../../../../ports/store.ts';
import { textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { CopyRows } from '../wire/copy-rows.ts';

/** By what an observation is known, and what it says: 128 bits of SHA-256 each, as 32 hexadecimal digits. */
export interface Claim {
  readonly key: string;
  /** Null where nothing is kept that a repetition could be compared with. */
  readonly body: string | null;
}

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

/** Devices of which the digest of the last outbox is remembered. */
const KEPT_OUTBOXES = 200_000;

let outboxes = new Map<string, { readonly epoch: string; readonly key: string }>();

/**
 * A number of an epoch is one observation's, of whatever kind: 72 bits of the digest of device and epoch, then the number, so
 * that the entries of an outbox lie side by side in the index.
 */
function numberKey(deviceId: string, epoch: string, seq: number): string {
  return outboxKey(deviceId, epoch) + seq.toString(16).padStart(SEQ_DIGITS, '0');
}

/** What the keys of all numbers of an epoch begin with: {@link OUTBOX_DIGITS}; the rest is the number. */
export function outboxKey(deviceId: string, epoch: string): string {
  const last = outboxes.get(deviceId);
  if (last?.epoch === epoch) return last.key;
  const key = digest(`seq\n${deviceId}\n${epoch}`).slice(0, OUTBOX_DIGITS);
  if (outboxes.size >= KEPT_OUTBOXES) outboxes = new Map();
  outboxes.set(deviceId, { epoch, key });
  return key;
}

function digest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, DIGITS);
}

/** @returns the body of each claim that was stored before, by key */
export async function findClaims(
  session: Session,
  keys: Iterable<string>,
): Promise<Map<string, string | null>> {
  const found = await session.query<Claim>('SELECT key, body FROM identity WHERE key = ANY($1::uuid[])', [
    textArray(keys),
  ]);
  return new Map(found.map(({ key, body }) => [key, body]));
}

/** Where {@link claimRows} go. */
export const IDENTITY_TABLE = 'identity (key, body)';

/** Claims as COPY takes them, in the order of the index, which is quicker. */
export function claimRows(claims: readonly Claim[]): CopyRows {
  const rows = new CopyRows();
  for (const { key, body } of claims.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
    rows.row(2);
    rows.uuid(key);
    rows.uuid(body);
  }
  return rows;
}

/** True of the error that ends a transaction which took a known claim for new: SQLSTATE unique_violation. */
export function isRepetition(error: unknown): boolean {
  const { code, table } = error as { code?: unknown; table?: unknown };
  return code === '23505' && table === 'identity';
}
