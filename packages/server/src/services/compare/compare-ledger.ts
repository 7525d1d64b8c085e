import { canonicalBody, type SyncEvent } from '@pisync/protocol';
import { identityKind } from '../../core/identity.ts';
import type { Store, StoredSyncEvent } from '../../ports/store.ts';
import { eventName, eventsOf, shortDigest } from './compared-items.ts';

/** An event that a client has sent. */
export interface SentEvent {
  readonly event: SyncEvent;
  /** False where the client never heard what became of it: the store may have it or not. */
  readonly acknowledged: boolean;
}

export type LedgerProblem = 'missing' | 'different' | 'twice';

/** One event that is not in the store as the ledger has it. */
export interface LedgerFault {
  readonly problem: LedgerProblem;
  readonly deviceId: string;
  /** As `eventName` has it. */
  readonly event: string;
}

export interface LedgerComparison {
  readonly devices: number;
  /** Distinct events that were acknowledged. */
  readonly acknowledged: number;
  /** Distinct events of which nobody knows, and how many of them the store has. */
  readonly unsure: number;
  readonly unsureHeld: number;
  /** Events that were acknowledged and that the store has, once and as they were sent. */
  readonly held: number;
  readonly missing: number;
  readonly different: number;
  readonly twice: number;
  /** Events of these devices that the ledger does not know: another client may have sent them. */
  readonly more: number;
  /** The first of what is missing, different or there twice. */
  readonly faults: readonly LedgerFault[];
}

export interface LedgerOptions {
  readonly signal?: AbortSignal | undefined;
  /** Faults that are told, at most. */
  readonly told: number;
  /** Called with each answer of the store: so many more events were read. */
  readonly onRead?: ((events: number) => void) | undefined;
}

/** Reads a ledger from its start: the events of the devices that are wanted. It asks at least once for each of its lines. */
export type ReadLedger = (wanted: (deviceId: string) => boolean) => AsyncIterable<SentEvent>;

/** Lines of the ledger of which the events are held in memory at once: about 100 MB. */
const LINES_AT_ONCE = 400_000;

/**
 * Compares a store with what clients wrote down of the events that they sent. The ledger may be in any order and name an event
 * several times, as a client does that sends it again. It is read once, and then once more for every 400,000 of its lines, with
 * a part of the devices each time, so that memory stays bounded.
 *
 * @throws the reason of the signal where it is aborted; what the store throws
 */
export async function compareWithLedger(
  store: Store,
  read: ReadLedger,
  options: LedgerOptions,
): Promise<LedgerComparison> {
  const parts = Math.max(1, Math.ceil((await linesOf(read)) / LINES_AT_ONCE));
  const count = new Count(options.told);
  for (let part = 0; part < parts; part++) {
    const devices = new Map<string, DeviceLedger>();
    for await (const { event, acknowledged } of read((deviceId) => partOf(deviceId, parts) === part)) {
      options.signal?.throwIfAborted();
      const own = devices.get(event.deviceId) ?? new Map<string, Entry>();
      devices.set(event.deviceId, own);
      enter(own, event, acknowledged);
    }
    for (const [deviceId, ledger] of devices) {
      for await (const page of eventsOf(store, deviceId)) {
        options.signal?.throwIfAborted();
        for (const event of page) count.found(ledger.get(keyOf(event)), event);
        options.onRead?.(page.length);
      }
      count.finish(deviceId, ledger);
      ledger.clear();
    }
  }
  return count.result();
}

/** What a ledger says of one event. */
interface Entry {
  /** Digest of what it says. */
  readonly body: string;
  /** For a person. */
  readonly name: string;
  acknowledged: boolean;
  /** How often the store must have it: once, unless it has no identity. */
  expected: number;
  held: number;
  /** The store has it with another body. */
  different: boolean;
}

/** Events of one device by {@link keyOf}. */
type DeviceLedger = Map<string, Entry>;

function enter(ledger: DeviceLedger, event: SyncEvent, acknowledged: boolean): void {
  const key = keyOf(event);
  const known = ledger.get(key);
  if (known === undefined) {
    const name = sentName(event);
    const body = shortDigest(canonicalBody(event));
    ledger.set(key, { body, name, acknowledged, expected: 1, held: 0, different: false });
    return;
  }
  known.acknowledged ||= acknowledged;
  if (identityKind(event) === 'none') known.expected += 1;
}

/** The same for a sent event and for what a store made of it, and for no other event of the device. */
function keyOf(event: SyncEvent): string {
  const kind = identityKind(event);
  if (kind === 'seq') return `seq ${event.epoch} ${event.seq}`;
  if (kind === 'event_id') return `event_id ${event.eventId}`;
  return `${kind} ${shortDigest(canonicalBody(event))}`;
}

/** As the store names it, but for the time, which only the store knows. */
function sentName(event: SyncEvent): string {
  return eventName({ ...event, timestamp: event.deviceTime ?? 0 } as StoredSyncEvent);
}

async function linesOf(read: ReadLedger): Promise<number> {
  let lines = 0;
  const counted = read(() => {
    lines += 1;
    return false;
  });
  for await (const _event of counted);
  return lines;
}

/** By FNV-1a. */
function partOf(deviceId: string, parts: number): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < deviceId.length; at++) value = Math.imul(value ^ deviceId.charCodeAt(at), 0x01000193);
  return (value >>> 0) % parts;
}

class Count {
  readonly #told: number;
  readonly #faults: LedgerFault[] = [];
  readonly #sums = {
    devices: 0,
    acknowledged: 0,
    unsure: 0,
    unsureHeld: 0,
    held: 0,
    missing: 0,
    different: 0,
    twice: 0,
    more: 0,
  };

  constructor(told: number) {
    this.#told = told;
  }

  /** Takes an event of the store. */
  found(entry: Entry | undefined, event: StoredSyncEvent): void {
    if (entry === undefined) {
      this.#sums.more += 1;
      return;
    }
    entry.held += 1;
    if (entry.body !== shortDigest(canonicalBody(event))) entry.different = true;
  }

  /** To be called when all of a device's events were taken. */
  finish(deviceId: string, ledger: DeviceLedger): void {
    this.#sums.devices += 1;
    for (const entry of ledger.values()) {
      const { acknowledged, expected, held, different, name } = entry;
      if (acknowledged) this.#sums.acknowledged += expected;
      else this.#sums.unsure += expected;
      if (!acknowledged) this.#sums.unsureHeld += Math.min(held, expected);
      if (different) this.#fault('different', deviceId, name, 1);
      else if (held > expected) this.#fault('twice', deviceId, name, held - expected);
      else if (acknowledged && held < expected) this.#fault('missing', deviceId, name, expected - held);
      if (acknowledged && !different) this.#sums.held += Math.min(held, expected);
    }
  }

  #fault(problem: LedgerProblem, deviceId: string, event: string, times: number): void {
    this.#sums[problem] += times;
    if (this.#faults.length < this.#told) this.#faults.push({ problem, deviceId, event });
  }

  result(): LedgerComparison {
    return { ...this.#sums, faults: this.#faults };
  }
}
