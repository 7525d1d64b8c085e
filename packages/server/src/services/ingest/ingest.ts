import {
  type CommitOutcome,
  type DecodeContext,
  type Detection,
  decodeSyncEvent,
  type ItemOutcome,
  type ItemProblem,
  isDeviceId,
  type Observation,
  type ObservedDetection,
  PisyncError,
  parseJsonDocument,
  readPlainSyncEvent,
  type SyncEvent,
} from '@pisync/protocol';
import { correctClock } from '../../core/clock.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Meter } from '../../ports/meter.ts';
import type { CommitGroup, RejectedItem, Store } from '../../ports/store.ts';
import type { Admission } from '../admission/admission.ts';
import { rejectedItem } from './rejection.ts';

/** Limits on what one request may hold. */
export interface IngestLimits {
  /** Items of one batch. */
  readonly maxItems: number;
  /** Bytes of one item's text. */
  readonly maxItemBytes: number;
  /** Nesting of one item. */
  readonly maxDepth: number;
  /** Oldest time that is believed, in milliseconds before the receipt. */
  readonly maxBacklogMs: number;
}

/** What became of a single item, before it takes its wire form. */
export interface ItemReceipt {
  readonly result: ItemOutcome;
  /** The decoded item; null where it was rejected. */
  readonly observation: Observation | null;
  /** Why it was rejected. */
  readonly problem: ItemProblem | null;
}

/** Points that count as one item towards the limits: about what an event costs. */
export const POINTS_PER_ITEM = 50;

const NOTHING_REJECTED: readonly RejectedItem[] = [];
const NO_OBSERVATIONS: readonly Observation[] = [];

/** Joins an event with its receipt. Written out field by field: this runs once per event. */
export function observe(event: SyncEvent, receivedAt: number, maxBacklogMs: number): Observation {
  const { timestamp, clockQuality } = correctClock(event.deviceTime, event.sentAt, receivedAt, maxBacklogMs);
  return {
    kind: 'sync_event',
    deviceId: event.deviceId,
    epoch: event.epoch,
    seq: event.seq,
    eventId: event.eventId,
    deviceTime: event.deviceTime,
    sentAt: event.sentAt,
    totalFilesSynced: event.totalFilesSynced,
    totalErrors: event.totalErrors,
    internetSpeed: event.internetSpeed,
    syncDurationMs: event.syncDurationMs,
    bytesSynced: event.bytesSynced,
    metadata: event.metadata,
    receivedAt,
    timestamp,
    clockQuality,
  };
}

/** Joins a detection with its receipt. */
export function observeDetection(
  detection: Detection,
  receivedAt: number,
  maxBacklogMs: number,
): ObservedDetection {
  const { deviceTime, sentAt } = detection;
  const { timestamp, clockQuality } = correctClock(deviceTime, sentAt, receivedAt, maxBacklogMs);
  // Written out field by field: this runs a hundred thousand times a second while a file is imported.
  return {
    kind: 'detection',
    deviceId: detection.deviceId,
    epoch: detection.epoch,
    seq: detection.seq,
    eventId: detection.eventId,
    deviceTime,
    sentAt,
    type: detection.type,
    identity: detection.identity,
    name: detection.name,
    security: detection.security,
    channel: detection.channel,
    frequencyMhz: detection.frequencyMhz,
    signalDbm: detection.signalDbm,
    position: detection.position,
    capabilities: detection.capabilities,
    metadata: detection.metadata,
    receivedAt,
    timestamp,
    clockQuality,
  };
}

/**
 * Takes observations in: decode, admit, commit, answer. What it answers `stored` is durable, as far as the store's
 * promise goes; what it rejects is in the quarantine before the answer.
 */
export class Ingest {
  readonly store: Store;
  readonly clock: Clock;
  readonly admission: Admission;
  readonly limits: IngestLimits;
  readonly #meter: Meter;
  readonly #context: DecodeContext;
  readonly #parsing: { readonly maxDepth: number };

  constructor(store: Store, clock: Clock, admission: Admission, meter: Meter, limits: IngestLimits) {
    this.store = store;
    this.clock = clock;
    this.admission = admission;
    this.limits = limits;
    this.#meter = meter;
    this.#context = { maxDepth: limits.maxDepth };
    this.#parsing = { maxDepth: limits.maxDepth };
  }

  /**
   * Takes one sync event.
   *
   * @param body - the item's JSON text in UTF-8
   * @param eventId - the sender's `Idempotency-Key`, well formed
   * @throws {PisyncError} `empty_body`, `rate_limited`, `overloaded` or `store_unavailable`: nothing was stored
   */
  one(body: Uint8Array, eventId: string | undefined): Promise<ItemReceipt> {
    const receivedAt = this.clock.now();
    const plain = eventId === undefined ? readPlainSyncEvent(body) : undefined;
    return plain === undefined ? this.#general(body, eventId, receivedAt) : this.#take(plain, receivedAt);
  }

  async #general(body: Uint8Array, eventId: string | undefined, receivedAt: number): Promise<ItemReceipt> {
    const parsed = parseJsonDocument(body, this.#parsing);
    if (!parsed.ok) {
      const { code, field, detail } = parsed;
      // Nothing was sent: there is nothing to keep.
      if (code === 'empty_body') throw new PisyncError(code, { detail });
      return this.#reject({ code, field, detail, deviceId: null }, textOf(body), receivedAt);
    }
    const context = eventId === undefined ? this.#context : { maxDepth: this.limits.maxDepth, eventId };
    const decoded = decodeSyncEvent(parsed.value, context);
    if (!decoded.ok) return this.#reject(decoded.problem, rawOf(body, parsed.value, eventId), receivedAt);
    return this.#take(decoded.event, receivedAt);
  }

  /** The hot path. Not `async`: each promise less is a percent of it. */
  #take(event: SyncEvent, receivedAt: number): Promise<ItemReceipt> {
    const observation = observe(event, receivedAt, this.limits.maxBacklogMs);
    try {
      this.admission.admitOne(observation.deviceId);
    } catch (error) {
      return Promise.reject(error);
    }
    this.admission.entered(1);
    return this.store.commit({ observations: [observation], rejected: NOTHING_REJECTED }).then(
      (outcomes) => {
        const result = outcomes[0] as CommitOutcome;
        this.admission.left(1);
        this.#meter.items(result, 1);
        return { result, observation, problem: null };
      },
      (error: unknown) => {
        this.admission.left(1);
        throw error;
      },
    );
  }

  async #reject(problem: ItemProblem, raw: string, receivedAt: number): Promise<ItemReceipt> {
    this.admission.admitBatch([ownerOf(problem)]);
    const rejected = [rejectedItem(problem, raw, 'sync-event', receivedAt)];
    await this.commit({ observations: NO_OBSERVATIONS, rejected });
    return { result: 'rejected', observation: null, problem };
  }

  /** Puts a whole body that could not be read as items into the quarantine. */
  async quarantineBody(problem: ItemProblem, body: Uint8Array, source: string): Promise<void> {
    this.admission.admitBatch([null]);
    const rejected = [rejectedItem(problem, textOf(body), source, this.clock.now())];
    await this.commit({ observations: NO_OBSERVATIONS, rejected });
  }

  /**
   * Commits what was admitted, and counts it. Not `async`: what a group holds is garbage as soon as the store has taken
   * it, and would otherwise live until the flush.
   */
  commit(group: CommitGroup): Promise<readonly CommitOutcome[]> {
    const refused = group.rejected.length;
    const pointCount = group.points?.count ?? 0;
    const kept = group.observations.length + (group.detections?.length ?? 0);
    const count = kept + refused + Math.ceil(pointCount / POINTS_PER_ITEM);
    this.admission.entered(count);
    return this.store.commit(group).then(
      (outcomes) => {
        this.admission.left(count);
        if (pointCount > 0) this.#meter.points(pointCount);
        if (refused > 0) this.#meter.items('rejected', refused);
        this.#count(outcomes);
        return outcomes;
      },
      (error: unknown) => {
        this.admission.left(count);
        throw error;
      },
    );
  }

  #count(outcomes: readonly CommitOutcome[]): void {
    let stored = 0;
    let duplicate = 0;
    for (const outcome of outcomes) {
      if (outcome === 'stored') stored += 1;
      else if (outcome === 'duplicate') duplicate += 1;
    }
    this.#meter.items('stored', stored);
    this.#meter.items('duplicate', duplicate);
    this.#meter.items('conflict', outcomes.length - stored - duplicate);
  }
}

/** The device that pays for a rejected item: only a well-formed id may become a bucket. */
export function ownerOf(problem: ItemProblem): string | null {
  return problem.deviceId !== null && isDeviceId(problem.deviceId) ? problem.deviceId : null;
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
}

/** A replay reads the quarantined text alone, so an identity given by header joins it. */
function rawOf(body: Uint8Array, value: unknown, eventId: string | undefined): string {
  if (eventId === undefined || typeof value !== 'object' || value === null || Array.isArray(value))
    return textOf(body);
  if (Object.hasOwn(value, 'event_id') || Object.hasOwn(value, 'eventId')) return textOf(body);
  return JSON.stringify({ ...value, event_id: eventId });
}
