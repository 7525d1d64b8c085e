import { decodeSyncEvent, PisyncError, parseJsonDocument, type SyncEvent } from '@pisync/protocol';
import { decodeCursor, encodeCursor } from '../core/paging.ts';
import type { QuarantinedItem } from '../ports/store.ts';
import { type Ingest, type ItemReceipt, observe } from './ingest.ts';
import { quarantineView } from './views.ts';

/** Sources of items that are no sync events. */
const telemetrySources: ReadonlySet<string> = new Set(['telemetry', 'write']);

export interface QuarantineRequest {
  readonly deviceId: string | undefined;
  readonly code: string | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** What an operator does with rejected items: see them, give them another try, or throw them away. */
export class Quarantine {
  readonly #ingest: Ingest;

  constructor(ingest: Ingest) {
    this.#ingest = ingest;
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
   * Decodes an item again, as it was sent or as the operator corrected it, commits it, and only then removes it
   * from the quarantine: a crash in between leaves it there, and a second replay is a duplicate. Times are corrected as
   * of the first receipt, to which the device's `sent_at` belongs.
   *
   * @param corrected - the item in place of the quarantined one; undefined to try that one
   * @throws {PisyncError} `quarantine_unknown`, `not_replayable`, or what is still wrong with the item: it is kept
   */
  async replay(id: number, corrected: unknown): Promise<ItemReceipt> {
    const { limits } = this.#ingest;
    const item = await this.#find(id);
    if (telemetrySources.has(item.source)) {
      const detail =
        'This is telemetry: send it again, corrected, by the route it came by, and discard it here.';
      throw new PisyncError('not_replayable', { detail });
    }
    const decoded = decodeSyncEvent(corrected === undefined ? itemValue(item, limits.maxDepth) : corrected, {
      maxDepth: limits.maxDepth,
    });
    if (!decoded.ok) {
      const { code, field, detail } = decoded.problem;
      throw new PisyncError(code, field === null ? { detail } : { detail, field });
    }
    const observation = observe(identified(decoded.event, id), item.receivedAt, limits.maxBacklogMs);
    this.#ingest.admission.admitOne(observation.deviceId);
    const [result = 'conflict'] = await this.#ingest.commit([observation], []);
    if (result === 'conflict') {
      const detail =
        'Another body was stored under this identity; it stays. Discard the item, or correct its identity.';
      throw new PisyncError('not_replayable', { detail });
    }
    await this.#ingest.store.discard(id);
    return { result, observation, problem: null };
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

/** An event without any identity would be a new fact at every replay: the quarantine's id becomes its identity. */
function identified(event: SyncEvent, id: number): SyncEvent {
  const nameless = event.seq === null && event.eventId === null && event.deviceTime === null;
  return nameless ? { ...event, eventId: `quarantine-${id}` } : event;
}

function itemValue(item: QuarantinedItem, maxDepth: number): unknown {
  if (item.truncated) {
    const detail = 'Only the start of this item was kept. Replay it with the corrected item in the body.';
    throw new PisyncError('not_replayable', { detail });
  }
  const parsed = parseJsonDocument(Buffer.from(item.raw, 'utf8'), { maxDepth });
  if (parsed.ok) return parsed.value;
  const details = { detail: `${parsed.detail}. Replay it with the corrected item in the body.` };
  throw new PisyncError(parsed.code, parsed.field === null ? details : { ...details, field: parsed.field });
}
