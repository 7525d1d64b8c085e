import {
  type ClockQuality,
  type KnownSeries,
  PisyncError,
  type SyncStatus,
  syncStatus,
} from '@pisync/protocol';
import { decodeCursor, encodeCursor } from '../core/paging.ts';
import type { QuarantinedItem } from '../ports/store.ts';
import type { Ingest } from './ingest/ingest.ts';
import { type Replay, readAgain } from './ingest/replay.ts';
import type { Telemetry } from './telemetry/telemetry.ts';
import { quarantineView } from './views.ts';

/** What became of a rejected item that was given another try, and what it is. */
export interface ReplayReceipt {
  readonly kind: Replay['kind'];
  readonly result: 'stored' | 'duplicate';
  readonly deviceId: string;
  /** Corrected time; null of telemetry, each of whose points has its own. */
  readonly timestamp: number | null;
  readonly clockQuality: ClockQuality | null;
  /** Of a sync event; else null. */
  readonly syncStatus: SyncStatus | null;
  /** Points of telemetry; else null. */
  readonly points: number | null;
}

export interface QuarantineRequest {
  readonly deviceId: string | undefined;
  readonly code: string | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** What an operator does with rejected items: see them, give them another try, or throw them away. */
export class Quarantine {
  readonly #ingest: Ingest;
  readonly #telemetry: Telemetry;
  readonly #known: KnownSeries;

  /** @param known - what the decoders of line protocol know */
  constructor(ingest: Ingest, telemetry: Telemetry, known: KnownSeries) {
    this.#ingest = ingest;
    this.#telemetry = telemetry;
    this.#known = known;
  }

  /** Newest first. @throws {PisyncError} `invalid_cursor` */
  async list(request: QuarantineRequest) {
    const { deviceId, code, limit } = request;
    const identity = { list: 'quarantine', filters: { deviceId, code } };
    let before: number | undefined;
    if (request.cursor !== undefined) {
      const key = decodeCursor(identity, request.cursor, ['number']);
      if (typeof key === 'string') {
        const detail =
          'Pass next_cursor of the previous reply with the same filters, or start without cursor.';
        throw new PisyncError('invalid_cursor', { field: 'cursor', detail });
      }
      before = key[0] as number;
    }
    const found = await this.#ingest.store.quarantine({ deviceId, code, limit, before });
    return {
      items: found.items.map(quarantineView),
      next_cursor: found.next === null ? null : encodeCursor(identity, [found.next]),
      limit,
      total: found.total,
    };
  }

  /** @throws {PisyncError} `quarantine_unknown` */
  async item(id: number) {
    return quarantineView(await this.#find(id));
  }

  /** @throws {PisyncError} `quarantine_unknown` */
  async discard(id: number): Promise<void> {
    if (!(await this.#ingest.store.discard(id))) throw unknown();
  }

  /**
   * Reads an item again, as it was sent or as the operator corrected it, commits it the way it would have gone, and only then
   * removes it from the quarantine: a crash in between leaves it there, and a second replay changes nothing. Times are corrected
   * as of the first receipt, to which the device's `sent_at` belongs.
   *
   * @param corrected - the item in place of the quarantined one, a text for a line of line protocol; undefined to try that one
   * @throws {PisyncError} `quarantine_unknown`, `not_replayable`, or what is still wrong with the item: it is kept
   */
  async replay(id: number, corrected: unknown): Promise<ReplayReceipt> {
    const item = await this.#find(id);
    const { limits } = this.#ingest;
    const replay = readAgain(item, corrected, { limits, known: this.#known });
    const result = await this.#commit(replay, item.receivedAt);
    if (result === 'conflict') {
      const detail =
        'Another body was stored under this identity; it stays. Discard the item, or correct its identity.';
      throw new PisyncError('not_replayable', { detail });
    }
    await this.#ingest.store.discard(id);
    return receiptOf(replay, result);
  }

  async #commit(replay: Replay, receivedAt: number): Promise<'stored' | 'duplicate' | 'conflict'> {
    if ('lines' in replay) {
      await this.#telemetry.take(replay.lines, [], receivedAt);
      return 'stored';
    }
    const { admission, limits } = this.#ingest;
    const { group } = replay;
    admission.admitBatch(group.owners);
    const outcomes = await this.#ingest.commit(
      group.finish({ receivedAt, maxBacklogMs: limits.maxBacklogMs }),
    );
    return group.inOrder(outcomes)[0] ?? 'conflict';
  }

  async #find(id: number): Promise<QuarantinedItem> {
    const item = await this.#ingest.store.quarantined(id);
    if (item === undefined) throw unknown();
    return item;
  }
}

function unknown(): PisyncError {
  return new PisyncError('quarantine_unknown', {
    detail: 'No item has this id: it was replayed, discarded or never there.',
  });
}

function receiptOf(replay: Replay, result: ReplayReceipt['result']): ReplayReceipt {
  const { kind } = replay;
  const none = { timestamp: null, clockQuality: null, syncStatus: null, points: null };
  if (kind === 'telemetry') {
    const { deviceId, points } = replay;
    return { ...none, kind, result, deviceId, points };
  }
  const { deviceId, timestamp, clockQuality } = replay.observation;
  const status =
    kind === 'sync_event'
      ? syncStatus(replay.observation.totalFilesSynced, replay.observation.totalErrors)
      : null;
  return { ...none, kind, result, deviceId, timestamp, clockQuality, syncStatus: status };
}
