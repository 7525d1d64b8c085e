import { errorCatalogue, type ItemResult, PisyncError } from '@pisync/protocol';
import { type ApiClient, problemOf, type Reply, retryAfter } from '../client.ts';
import type { FleetEvent } from './fleet.ts';
import type { Ledger } from './ledger.ts';

/** What happened around the items' results. */
export interface DeliveryCounts {
  requests: number;
  /** Attempts that were repeated: asked to wait, or without an answer. */
  retries: number;
  /** Replies that asked devices to come back later. */
  deferrals: number;
  /** The first reason why items were given up; null if none were. */
  firstError: string | null;
}

export interface DeliveryOptions {
  readonly client: ApiClient;
  readonly ledger: Ledger;
  readonly counts: DeliveryCounts;
  /** Called with the time of each answered request, milliseconds. */
  readonly onLatency: (milliseconds: number) => void;
  /** Waits, but not beyond the end of the run. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** True once the run was asked to stop: no further attempts. */
  readonly stopping: () => boolean;
  /** Alone in its request, an event goes to the single route. */
  readonly single: boolean;
}

/** Attempts without any answer after which items are given up. */
const maxLostAttempts = 6;
/** Attempts that were told to come back later after which items are given up. */
const maxDeferredAttempts = 50;
const retryable: readonly number[] = [429, 502, 503, 504];

/** Sends events until each has a result or is given up, and enters all results into the ledger. */
export async function deliver(events: readonly FleetEvent[], options: DeliveryOptions): Promise<void> {
  const { ledger, counts } = options;
  let remaining = events;
  let lost = 0;
  let deferred = 0;
  let reason = 'the run was stopped';
  while (remaining.length > 0) {
    // Asked to come back, the server may still have kept a part: only the first attempt knows all its own.
    const attempt = await tryOnce(remaining, lost + deferred > 0, options);
    remaining = attempt.remaining;
    if (remaining.length === 0) return;
    if (attempt.reason !== undefined) reason = attempt.reason;
    if (attempt.outcome === 'lost') lost += 1;
    if (attempt.outcome === 'deferred') deferred += 1;
    const hopeless =
      attempt.outcome === 'refused' || lost >= maxLostAttempts || deferred >= maxDeferredAttempts;
    if (hopeless || options.stopping()) break;
    counts.retries += 1;
    await options.pause(attempt.waitMs ?? Math.min(5_000, 100 * 2 ** lost));
  }
  counts.firstError ??= reason;
  for (const event of remaining) ledger.enterError(event, lost + deferred > 0);
}

interface Attempt {
  /** Events without a result. */
  readonly remaining: readonly FleetEvent[];
  /** `lost`: no answer; `deferred`: asked to come back; `refused`: a permanent no for the whole request. */
  readonly outcome: 'answered' | 'lost' | 'deferred' | 'refused';
  readonly waitMs?: number | undefined;
  readonly reason?: string | undefined;
}

async function tryOnce(
  events: readonly FleetEvent[],
  answerLost: boolean,
  options: DeliveryOptions,
): Promise<Attempt> {
  const { client, counts } = options;
  const items = events.map(stamped);
  const started = performance.now();
  let reply: Reply;
  counts.requests += 1;
  try {
    reply = options.single
      ? await client.send('POST', '/api/sync-event', JSON.stringify(items[0]))
      : await client.send('POST', '/api/sync-events', JSON.stringify(items));
  } catch (error) {
    if (!(error instanceof PisyncError)) throw error;
    return { remaining: events, outcome: 'lost', reason: error.message };
  }
  options.onLatency(performance.now() - started);
  const body = (typeof reply.body === 'object' && reply.body !== null ? reply.body : {}) as ReplyBody;
  if (typeof body.next_sync_after_ms === 'number') counts.deferrals += 1;
  if (retryable.includes(reply.status)) {
    return {
      remaining: events,
      outcome: 'deferred',
      waitMs: retryAfter(reply),
      reason: problemOf(reply).message,
    };
  }
  const results = options.single ? singleResult(reply, body) : body.results;
  if (results === undefined || (results.length === 0 && reply.status >= 400)) {
    return {
      remaining: events,
      outcome: 'refused',
      reason: `status ${reply.status}: ${problemOf(reply).message}`,
    };
  }
  return enterResults(events, results, answerLost, reply, options);
}

interface ReplyBody {
  readonly result?: 'stored' | 'duplicate';
  readonly code?: string;
  readonly detail?: string;
  readonly results?: readonly ItemResult[];
  readonly next_sync_after_ms?: number;
}

/** The event on the wire; `sent_at` is what the device's clock shows at this attempt. */
function stamped(event: FleetEvent): object {
  return { ...event.wire, sent_at: new Date(Date.now() + event.clockOffsetMs).toISOString() };
}

function singleResult(reply: Reply, body: ReplyBody): readonly ItemResult[] | undefined {
  if (reply.status < 300 && body.result !== undefined) return [{ index: 0, result: body.result }];
  if (reply.status === 409) return [{ index: 0, result: 'conflict' }];
  if (reply.status === 400 && body.code !== undefined) {
    return [{ index: 0, result: 'rejected', detail: body.detail ?? body.code }];
  }
  return undefined;
}

function enterResults(
  events: readonly FleetEvent[],
  results: readonly ItemResult[],
  answerLost: boolean,
  reply: Reply,
  options: DeliveryOptions,
): Attempt {
  const answered = new Set<number>();
  for (const { index, result, code, detail } of results) {
    const event = events[index];
    if (event === undefined || answered.has(index) || (result === 'rejected' && isBusy(code))) continue;
    answered.add(index);
    options.ledger.enter(event, result, answerLost);
    if (result === 'rejected' || result === 'conflict')
      options.counts.firstError ??= detail ?? code ?? result;
  }
  const remaining = events.filter((_, index) => !answered.has(index));
  return { remaining, outcome: remaining.length > 0 ? 'deferred' : 'answered', waitMs: retryAfter(reply) };
}

/** True for an item that was turned away for now, not for good. */
function isBusy(code: string | undefined): boolean {
  if (code === undefined || !Object.hasOwn(errorCatalogue, code)) return false;
  return errorCatalogue[code as keyof typeof errorCatalogue].kind === 'busy';
}
