import { greatCircle } from '../great-circle.ts';
import { isLocalAddress, type Namesakes, type NetworkRecord } from './network.ts';

/** Why a network may be an evil twin; stable, in the order in which reasons are told. */
export type EvilTwinReason = 'open_beside_secured' | 'weaker_security' | 'local_address' | 'new_nearby';

/** A network that may pretend to be another one of its name. That is a question for a person, not a finding. */
export interface EvilTwinCandidate {
  readonly network: NetworkRecord;
  /** The network of the same name that it is compared with: known longer, and not known to be elsewhere. */
  readonly beside: NetworkRecord;
  /** At least one, each code once. `text` is a sentence without the network's name, which is hostile text. */
  readonly reasons: readonly { readonly code: EvilTwinReason; readonly text: string }[];
  /** Metres between the estimated positions; null where one is not known. */
  readonly distance: number | null;
}

/** What counts as near and as new. */
export interface EvilTwinRule {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Milliseconds for which a network counts as new. */
  readonly newForMs: number;
  /** Metres. A network heard from the street is placed up to about two hundred metres off. */
  readonly nearMetres: number;
}

/**
 * The networks of a name that may be evil twins, those with most reasons first, then those first seen last.
 *
 * Each is compared with the one of its name that is known longest among those not further away than `nearMetres`; chains
 * and campuses use one name in many places, so a network that is far from all others is none. Where a position is not
 * known, it may be near. Reasons:
 *
 * - `open_beside_secured`: anyone may join it, while the other one asks for a key
 * - `weaker_security`: its weakest way in is weaker than that of the other, or it asks for a shared key and the other for
 * each user's own
 * - `local_address`: its address is made up, while the other's is a manufacturer's. Access points make up addresses for
 * their further   networks, too: one that differs in the first and the last byte only is taken for the same device
 * - `new_nearby`: both positions are known and near, and it is new while the other one is not
 *
 * What is not known of a network is never a reason.
 */
export function evilTwins({ networks }: Namesakes, rule: EvilTwinRule): EvilTwinCandidate[] {
  const candidates: EvilTwinCandidate[] = [];
  for (const [at, network] of networks.entries()) {
    for (const beside of networks.slice(0, at)) {
      const distance = metresBetween(network, beside);
      if (distance !== null && distance > rule.nearMetres) continue;
      const reasons = reasonsFor(network, beside, distance, rule);
      if (reasons.length > 0) candidates.push({ network, beside, reasons, distance });
      break;
    }
  }
  return candidates.sort(
    (a, b) => b.reasons.length - a.reasons.length || b.network.firstSeenAt - a.network.firstSeenAt,
  );
}

function reasonsFor(
  network: NetworkRecord,
  beside: NetworkRecord,
  distance: number | null,
  { now, newForMs }: EvilTwinRule,
): EvilTwinCandidate['reasons'] {
  const reasons: { code: EvilTwinReason; text: string }[] = [];
  const { identity } = beside;
  const own = protection(network.security);
  const other = protection(beside.security);
  if (own !== null && other !== null) {
    const secured = `${identity}, known longer, is secured by ${beside.security}`;
    if (own.least === 0 && other.least > 0) {
      reasons.push({ code: 'open_beside_secured', text: `It is open to anyone, while ${secured}.` });
    } else if (own.least < other.least || (own.least > 0 && other.personal && !own.personal)) {
      const text = `It is secured by ${network.security} only, while ${secured}.`;
      reasons.push({ code: 'weaker_security', text });
    }
  }
  if (
    isLocalAddress(network.identity) &&
    !isLocalAddress(identity) &&
    !isSameDevice(network.identity, identity)
  ) {
    const text = `Its address is made up, while that of ${identity} is a manufacturer's.`;
    reasons.push({ code: 'local_address', text });
  }
  if (distance !== null && now - network.firstSeenAt <= newForMs && now - beside.firstSeenAt > newForMs) {
    const text = `It was first seen lately, ${Math.round(distance)} m from ${identity}, which is known longer.`;
    reasons.push({ code: 'new_nearby', text });
  }
  return reasons;
}

/** How hard it is to get in: OWE encrypts, but lets anyone in and proves nothing about the network. */
const strength: Readonly<Record<string, number>> = { open: 0, owe: 0, wep: 1, wpa: 2, wpa2: 3, wpa3: 4 };

/** The weakest way in, and whether each user has a key of his own; null where neither is known. */
function protection(security: string | null): { readonly least: number; readonly personal: boolean } | null {
  const names = security === null ? [] : security.split(',');
  const ways = names.map((name) => strength[name]).filter((way) => way !== undefined);
  return ways.length === 0 ? null : { least: Math.min(...ways), personal: names.includes('eap') };
}

function isSameDevice(mac: string, other: string): boolean {
  return mac.slice(3, 14) === other.slice(3, 14);
}

function metresBetween({ position: a }: NetworkRecord, { position: b }: NetworkRecord): number | null {
  return a === null || b === null ? null : greatCircle(a.lat, a.lon, b.lat, b.lon);
}
