import {
  type DecodeContext,
  decodeCountedTelemetry,
  decodeDetection,
  decodeSyncEvent,
  type ItemProblem,
  type RawItem,
  readableDeviceId,
  type SyncEvent,
} from '@pisync/protocol';
import { BatchGroup, MAX_OBSERVATION_POINTS } from './batch-group.ts';
import { type Ingest, observe, observeDetection } from './ingest.ts';
import { BatchReceipts } from './receipts.ts';
import { rejectedItem } from './rejection.ts';

/** What the items of a batch may be. */
export type AcceptedKinds = 'sync_event' | 'detection' | 'any';

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
  readonly #kinds: AcceptedKinds;
  #group = new BatchGroup();

  /** @param kinds - what the items may be: one kind, or any, each item telling its own */
  constructor(ingest: Ingest, source: string, kinds: AcceptedKinds) {
    this.#ingest = ingest;
    this.#source = source;
    this.#kinds = kinds;
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
      if (this.#group.owners.length >= GROUP_ITEMS || this.#group.full) await this.#flush();
    }
  }

  /** Takes the observations of an envelope; otherwise as {@link add}. */
  async addEnvelope(observations: readonly unknown[], context: DecodeContext): Promise<void> {
    const receivedAt = this.#ingest.clock.now();
    const full = { ...context, maxDepth: this.#ingest.limits.maxDepth };
    for (const value of observations) {
      this.#take(value, full, undefined, receivedAt);
      if (this.#group.owners.length >= GROUP_ITEMS || this.#group.full) await this.#flush();
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
    const problem = this.#decode(value, context, receivedAt);
    if (problem !== undefined) this.#reject(problem, text ?? completed(value, context), receivedAt);
  }

  /** Keeps the item as what it is. @returns why it was not kept */
  #decode(value: unknown, context: DecodeContext, receivedAt: number): ItemProblem | undefined {
    const kind = this.#kinds === 'any' ? kindOf(value) : this.#kinds;
    if (typeof kind === 'string' && !knownKinds.has(kind)) return unknownKind(kind, value, context);
    if (kind === 'detection') {
      const decoded = decodeDetection(value, context);
      if (!decoded.ok) return decoded.problem;
      const { maxBacklogMs } = this.#ingest.limits;
      this.#receipts.take(decoded.detection);
      this.#group.keepDetection(observeDetection(decoded.detection, receivedAt, maxBacklogMs));
      return undefined;
    }
    if (kind === 'telemetry') return this.#decodeTelemetry(value, context, receivedAt);
    const decoded = decodeSyncEvent(value, context);
    if (!decoded.ok) return decoded.problem;
    this.#keep(decoded.event, receivedAt);
    return undefined;
  }

  #decodeTelemetry(value: unknown, context: DecodeContext, receivedAt: number): ItemProblem | undefined {
    const { points } = this.#group;
    const mark = points.mark();
    const decoded = decodeCountedTelemetry(value, context, receivedAt * 1000, points);
    if (!decoded.ok) return decoded.problem;
    const { deviceId, counter, from, to } = decoded.observation;
    if (to - from > MAX_OBSERVATION_POINTS) {
      points.rollback(mark);
      const detail = `holds ${to - from} points; the limit of one observation is ${MAX_OBSERVATION_POINTS}`;
      return { code: 'item_too_large', field: 'metrics', detail: `metrics ${detail}`, deviceId };
    }
    this.#receipts.take({ deviceId, seq: counter?.seq ?? null, eventId: null });
    this.#group.keepTelemetry(decoded.observation);
    return undefined;
  }

  #keep(event: SyncEvent, receivedAt: number): void {
    const observation = observe(event, receivedAt, this.#ingest.limits.maxBacklogMs);
    this.#receipts.take(observation);
    this.#group.keepEvent(observation);
  }

  #reject(problem: ItemProblem, text: string, receivedAt: number, cut = false): void {
    this.#receipts.reject(problem);
    this.#group.reject(problem, rejectedItem(problem, text, this.#source, receivedAt, cut));
  }

  async #flush(): Promise<void> {
    this.#throwFailure();
    const group = this.#group;
    if (group.owners.length === 0) return;
    if (this.#admitted) this.#ingest.admission.chargeBatch(group.owners);
    else this.#ingest.admission.admitBatch(group.owners);
    this.#admitted = true;
    this.#group = new BatchGroup();
    this.#running.push(this.#commit(group));
    if (this.#running.length >= GROUPS_IN_FLIGHT) await this.#running.shift();
    this.#throwFailure();
  }

  /** Commits the group at hand. Not `async`: the group's objects must not live until the flush. */
  #commit(group: BatchGroup): Promise<void> {
    const from = this.#begun;
    const to = this.#receipts.length;
    this.#begun = to;
    const { clock, limits } = this.#ingest;
    const clockOfPoints = { receivedAt: clock.now(), maxBacklogMs: limits.maxBacklogMs };
    return this.#ingest.commit(group.finish(clockOfPoints)).then(
      (outcomes) => this.#receipts.settle(from, to, group.inOrder(outcomes)),
      (error: unknown) => {
        this.#failure ??= error;
      },
    );
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

const knownKinds: ReadonlySet<string> = new Set(['sync_event', 'detection', 'telemetry']);

function unknownKind(kind: string, value: unknown, context: DecodeContext): ItemProblem {
  const shown = JSON.stringify(kind.slice(0, 40));
  const detail = `kind is ${shown}; send sync_event, detection or telemetry`;
  return {
    code: 'unknown_kind',
    field: 'kind',
    detail,
    deviceId: readableDeviceId(value) ?? context.deviceId ?? null,
  };
}

function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'kind')
    ? (value as { kind: unknown }).kind
    : 'sync_event';
}

/** Members that an item may leave to its envelope. */
const fromEnvelope: ReadonlySet<string> = new Set(['device_id', 'deviceId', 'epoch', 'sent_at', 'sentAt']);

/** The text of an envelope's item with what the envelope says about it, so that a replay reads it alone. */
function completed(value: unknown, context: DecodeContext): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return JSON.stringify(value);
  const given = value as Record<string, unknown>;
  const item: Record<string, unknown> = Object.create(null);
  // What is null counts as absent, in the envelope's place as in any other.
  const lacks = (snake: string, camel: string): boolean =>
    (given[snake] ?? null) === null && (given[camel] ?? null) === null;
  if (context.deviceId !== undefined && lacks('device_id', 'deviceId')) item['device_id'] = context.deviceId;
  if (context.epoch !== undefined && !lacks('seq', 'seq') && lacks('epoch', 'epoch')) {
    item['epoch'] = context.epoch;
  }
  if (context.sentAt !== undefined && lacks('sent_at', 'sentAt')) item['sent_at'] = context.sentAt;
  for (const key of Object.keys(given)) {
    if (given[key] !== null || !fromEnvelope.has(key)) item[key] = given[key];
  }
  return JSON.stringify(item);
}
