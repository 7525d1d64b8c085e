import type { DatabaseSync } from 'node:sqlite';
import type { FoldInput, PartialRule } from '../../../../core/fold.ts';
import { foldInOrder, notOfEvents } from '../../../../core/fold.ts';
import { compareRows } from '../format/block.ts';
import { RecordView } from '../format/record.ts';
import { packPage } from './device-page.ts';
import type { Ledger } from './ledger.ts';
import { mergeSorted, runRows } from './sealed-history.ts';
import type { SealedIdentities } from './sealed-identities.ts';

/** An open store whose state can be replaced. */
export interface Rebuildable {
  readonly db: DatabaseSync;
  readonly ledger: Ledger;
  readonly sealed: SealedIdentities;
  putState(
    pages: readonly { readonly page: number; readonly data: Uint8Array }[],
    partial: PartialRule,
  ): void;
}

/**
 * Folds all that is stored again under another policy and writes the new state. Takes seconds for millions of events; runs
 * only when the operator has changed `partial_counts_as`.
 */
export function rebuildLedger(engine: Rebuildable, partial: PartialRule): void {
  const { ledger } = engine;
  refoldSealed(engine, ledger, partial);
  const { devices } = ledger;
  const pages = devices.dirtyPages().map((page) => ({ page, data: packPage(devices.takePage(page)) }));
  engine.putState(pages, partial);
}

/** One pass over all runs, device by device: sorted in the device's order, the fold never has to look back. */
function refoldSealed(engine: Rebuildable, ledger: Ledger, partial: PartialRule): void {
  const sources = engine.sealed.runs.map((run) => runRows(engine.db, run.id));
  const sealed = mergeSorted(sources, compareRows);
  let next = sealed.next();
  for (let device = 0; device < ledger.devices.count; device++) {
    const events: FoldInput[] = tailOf(ledger, device);
    while (!next.done && next.value.device === device) {
      events.push(next.value);
      next = sealed.next();
    }
    refold(ledger, device, events, partial);
  }
}

/** What is read of a stored event to fold and to check it. */
export interface StoredInput extends FoldInput {
  readonly position: number;
  readonly seq: number | null;
}

/** A device's unsealed events, by copies. */
export function tailOf(ledger: Ledger, device: number): StoredInput[] {
  const view = new RecordView();
  const events: StoredInput[] = [];
  ledger.tail.walk(ledger.devices.head(device), view, (position) => {
    events.push({
      position,
      seq: view.seq,
      timestamp: view.timestamp,
      epochIndex: view.epochIndex,
      tie: view.tie,
      receivedAt: view.receivedAt,
      sentAt: view.sentAt,
      totalFilesSynced: view.totalFilesSynced,
      totalErrors: view.totalErrors,
      bytesSynced: view.bytesSynced,
      clockQuality: view.clockQuality,
    });
    return true;
  });
  return events;
}

function refold(ledger: Ledger, device: number, events: FoldInput[], partial: PartialRule): void {
  const { devices } = ledger;
  const row = devices.rows(device);
  const base = devices.base(device);
  const kept = notOfEvents.map((field) => [field, row[base + field] as number] as const);
  foldInOrder(row, base, events, partial);
  for (const [field, value] of kept) row[base + field] = value;
  devices.markDirty(device);
}
