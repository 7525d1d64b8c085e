import { compareNetworks, type NetworkChange, type NetworkKey, type NetworkVariant } from './network.ts';

/**
 * All changes of a network, oldest first: a function of the set of its variants.
 *
 * Variants are taken by when they were first seen; of equal times those without a name or security come first, then by
 * code units. The first one is `new_network`. Each later one that brings a name that none before it had is
 * `name_changed`, and one that brings a security that none before it had is `security_changed`; it may be both. What is
 * not known (null) is never a change: a beacon that hides its name now and then tells nothing new. `before` is, of the
 * variants before it that have a name (or a security), the one seen last until then; of several that were still seen,
 * that which was first seen last.
 */
export function networkChanges(key: NetworkKey, variants: readonly NetworkVariant[]): NetworkChange[] {
  const { type, identity } = key;
  const changes: NetworkChange[] = [];
  const names = new Known();
  const securities = new Known();
  for (const variant of [...variants].sort(compareVariants)) {
    const { name, security, firstSeenAt: timestamp } = variant;
    const told = { type, identity, timestamp, name, security };
    if (changes.length === 0) changes.push({ kind: 'new_network', ...told, before: null });
    const namedBefore = names.note(name, variant);
    if (namedBefore !== undefined)
      changes.push({ kind: 'name_changed', ...told, before: shown(namedBefore) });
    const securedBefore = securities.note(security, variant);
    if (securedBefore !== undefined)
      changes.push({ kind: 'security_changed', ...told, before: shown(securedBefore) });
  }
  return changes;
}

const kinds: readonly NetworkChange['kind'][] = ['new_network', 'name_changed', 'security_changed'];

/** Newest first, then by network, then by kind; of equal ones {@link networkChanges} tells the order. */
export function compareChanges(a: NetworkChange, b: NetworkChange): number {
  return b.timestamp - a.timestamp || compareNetworks(a, b) || kinds.indexOf(a.kind) - kinds.indexOf(b.kind);
}

function shown({ name, security }: NetworkVariant): { name: string | null; security: string | null } {
  return { name, security };
}

/** The order in which the variants of a network are taken: by first sight, then as {@link networkChanges} says. */
export function compareVariants(a: NetworkVariant, b: NetworkVariant): number {
  return (
    a.firstSeenAt - b.firstSeenAt || compareTexts(a.name, b.name) || compareTexts(a.security, b.security)
  );
}

function compareTexts(a: string | null, b: string | null): number {
  const [left, right] = [a ?? '', b ?? ''];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The values that a name or a security has had, for variants in their order. */
class Known {
  readonly #values = new Set<string>();
  /**
   * Variants that may still be the one seen last, in their order; one that ended is told apart when it comes to the top.
   */
  readonly #open: NetworkVariant[] = [];
  /** Of those that ended before the newest one began, that which was seen last. */
  #ended: NetworkVariant | undefined;

  /**
   * Notes a variant's value. @returns the variant before it, where the value is new and not the first; each costs
   * constant time
   */
  note(value: string | null, variant: NetworkVariant): NetworkVariant | undefined {
    if (value === null) return undefined;
    const before = this.#values.has(value) ? undefined : this.#lastSeen(variant.firstSeenAt);
    this.#values.add(value);
    this.#open.push(variant);
    return before;
  }

  #lastSeen(until: number): NetworkVariant | undefined {
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      if (top.lastSeenAt >= until) return top;
      // Of equal ends the one first seen later, which came to the top before, stays.
      if (this.#ended === undefined || top.lastSeenAt > this.#ended.lastSeenAt) this.#ended = top;
      this.#open.pop();
    }
    return this.#ended;
  }
}
