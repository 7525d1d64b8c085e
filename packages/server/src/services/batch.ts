import {
  type DecodeContext,
  decodeSyncEvent,
  type ItemProblem,
  type Observation,
  type RawItem,
  type SyncEvent,
} from '@pisync/protocol';
import type { RejectedItem } from '../ports/store.ts';
import { type Ingest, observe, ownerOf } from './ingest.ts';
import { BatchReceipts } from './receipts.ts';
import { rejectedItem } from './rejection.ts';

/** Items that one commit of a batch holds at most. */
const GROUP_ITEMS = 1000;

/** Commits of one batch that may run at once; more would let one request fill the store's queue. */
const GROUPS_IN_FLIGHT = 3;

/**
 * One batch on its way in. Items are committed in groups while the rest still arrives; every item has its own
 * result, in the order of the request.
 *
 * The first group decides whether the batch is admitted; later ones are only charged. So a batch is refused before
 * anything of it is stored, or taken to its end.
 */
export class BatchIngest {
  /** One receipt per item that was committed, in order. */
  readonly #receipts = new BatchReceipts();
  readonly #ingest: Ingest;
  readonly #source: string;
  readonly #running: Promise<void>[] = [];
  #admitted = false;
  #failure: unknown;
  /** Items whose commit was begun. */
  #begun = 0;
  #observations: Observation[] = [];
  #rejected: RejectedItem[] = [];
  #owners: (string | null)[] = [];

  constructor(ingest: Ingest, source: string) {
    this.#ingest = ingest;
    this.#source = source;
  }

  /**
   * Takes items as the splitter found them; resolves when more may be given.
   * Events that the splitter has decoded already know no envelope: with a context there must be none.
   *
   * @param context - what the envelope says, for items of one
   * @throws {PisyncError} `rate_limited` or `overloaded` with the first group, `store_unavailable` at any time
   */
  async add(items: readonly RawItem[], context?: DecodeContext): Promise<void> {
    const receivedAt = this.#ingest.clock.now();
    const full = { ...context, maxDepth: this.#ingest.limits.maxDepth };
    for (const { value, text, problem, truncated, event } of items) {
      if (event !== undefined) this.#keep(event, receivedAt);
      else if (problem === undefined)
        this.#take(value, full, context === undefined ? text : undefined, receivedAt);
      else {
        const deviceId = problem.deviceId ?? context?.deviceId ?? null;
        this.#reject({ ...problem, deviceId }, text, receivedAt, truncated);
      }
      if (this.#owners.length >= GROUP_ITEMS) await this.#flush();
    }
  }

  /** Takes the observations of an envelope; otherwise as {@link add}. */
  async addEnvelope(observations: readonly unknown[], context: DecodeContext): Promise<void> {
    const receivedAt = this.#ingest.clock.now();
    const full = { ...context, maxDepth: this.#ingest.limits.maxDepth };
    for (const value of observations) {
      this.#take(value, full, undefined, receivedAt);
      if (this.#owners.length >= GROUP_ITEMS) await this.#flush();
    }
  }

  /** Commits what is left and waits until every item has its result. */
  async finish(): Promise<BatchReceipts> {
    await this.#flush();
    await Promise.all(this.#running);
    this.#throwFailure();
    return this.#receipts;
  }

  /** Waits for commits that were begun, without beginning another: for a request that broke off. */
  async abandon(): Promise<void> {
    await Promise.all(this.#running);
  }

  #take(value: unknown, context: DecodeContext, text: string | undefined, receivedAt: number): void {
    const decoded = decodeSyncEvent(value, context);
    if (!decoded.ok) {
      this.#reject(decoded.problem, text ?? completed(value, context), receivedAt);
      return;
    }
    this.#keep(decoded.event, receivedAt);
  }

  #keep(event: SyncEvent, receivedAt: number): void {
    const observation = observe(event, receivedAt, this.#ingest.limits.maxBacklogMs);
    this.#receipts.take(observation);
    this.#observations.push(observation);
    this.#owners.push(observation.deviceId);
  }

  #reject(problem: ItemProblem, text: string, receivedAt: number, cut = false): void {
    this.#receipts.reject(problem);
    this.#rejected.push(rejectedItem(problem, text, this.#source, receivedAt, cut));
    this.#owners.push(ownerOf(problem));
  }

  async #flush(): Promise<void> {
    this.#throwFailure();
    if (this.#owners.length === 0) return;
    if (this.#admitted) this.#ingest.admission.chargeBatch(this.#owners);
    else this.#ingest.admission.admitBatch(this.#owners);
    this.#admitted = true;
    this.#running.push(this.#commit());
    this.#observations = [];
    this.#rejected = [];
    this.#owners = [];
    if (this.#running.length >= GROUPS_IN_FLIGHT) await this.#running.shift();
    this.#throwFailure();
  }

  /** Commits the group at hand. Not `async`: the group's objects must not live until the flush. */
  #commit(): Promise<void> {
    const from = this.#begun;
    const to = this.#receipts.length;
    this.#begun = to;
    return this.#ingest.commit(this.#observations, this.#rejected).then(
      (outcomes) => this.#receipts.settle(from, to, outcomes),
      (error: unknown) => {
        this.#failure ??= error;
      },
    );
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** The text of an envelope's item with what the envelope says about it, so that a replay reads it alone. */
function completed(value: unknown, context: DecodeContext): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  const item: Record<string, unknown> = Object.create(null);
  const has = (snake: string, camel: string): boolean =>
    Object.hasOwn(value, snake) || Object.hasOwn(value, camel);
  if (context.deviceId !== undefined && !has('device_id', 'deviceId')) item['device_id'] = context.deviceId;
  if (context.epoch !== undefined && Object.hasOwn(value, 'seq') && !Object.hasOwn(value, 'epoch')) {
    item['epoch'] = context.epoch;
  }
  if (context.sentAt !== undefined && !has('sent_at', 'sentAt')) item['sent_at'] = context.sentAt;
  for (const key of Object.keys(value)) item[key] = (value as Record<string, unknown>)[key];
  return JSON.stringify(item);
}
