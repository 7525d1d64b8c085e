import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { PisyncError, syncStatus } from '@pisync/protocol';
import { compareHistory, type HistoryFilter, matchesHistory } from '../../../../core/history.ts';
import { WindowTotals } from '../../../../core/totals.ts';
import type {
  ChangeQuery,
  DetectionQuery,
  GridQuery,
  NamesakeQuery,
  NetworkKey,
  NetworkQuery,
} from '../../../../ports/detection-store.ts';
import type { AggregateAnswer, PointColumns } from '../../../../ports/telemetry-store.ts';
import { DetectionReads } from '../detections/detection-reads.ts';
import type { BlockRow } from '../format/block.ts';
import { isDamage, openReader } from '../format/connection.ts';
import { NetworkQueries } from '../networks/network-queries.ts';
import {
  aggregatePoints,
  chartPoints,
  type PointAggregateRequest,
  type PointChartRequest,
  type PointReadRequest,
  readPoints,
} from '../points/point-reads.ts';
import { SCAN_LIMIT, type TailAnswer } from '../state/queries.ts';
import { mergeSorted, SealedHistory } from '../state/sealed-history.ts';
import { answerCalls, Handover } from './thread-call.ts';

/*
 * The reading thread: merges a device's sealed rows with those of the tail, which the writer hands over. Each answer is
 * one short read transaction, so that no checkpoint ever waits for long.
 */

export interface ReadRequest {
  readonly tail: TailAnswer;
  readonly filter: HistoryFilter;
  readonly offset: number;
  readonly limit: number;
}

/** `stale`: the runs that the writer named have been merged in the meantime; ask the writer again. */
export type ReadAnswer<T> = T | 'stale';

const db = openReader((workerData as { path: string }).path);
const history = new SealedHistory(db);

/** Made when first asked for: both keep in memory what they have read. */
let detectionReads: DetectionReads | undefined;
let networkQueries: NetworkQueries | undefined;

function detections(): DetectionReads {
  detectionReads ??= new DetectionReads(db);
  return detectionReads;
}

function networks(): NetworkQueries {
  networkQueries ??= new NetworkQueries(db);
  return networkQueries;
}

function read<T>(request: ReadRequest, use: (rows: Iterable<BlockRow>) => T): ReadAnswer<T> {
  db.exec('BEGIN');
  try {
    const live = new Set(history.liveRuns().map((run) => run.id));
    if (!request.tail.runs.every((run) => live.has(run))) return 'stale';
    return use(newestFirst(request));
  } catch (cause) {
    if (cause instanceof PisyncError || !isDamage(cause)) throw cause;
    throw new PisyncError('store_damaged', { detail: 'history cannot be read; run `pisync doctor`', cause });
  } finally {
    db.exec('ROLLBACK');
  }
}

function* newestFirst({ tail, filter }: ReadRequest): Generator<BlockRow, void> {
  const latest = Math.min(
    filter.to === undefined ? Number.MAX_SAFE_INTEGER : filter.to - 1,
    filter.after?.timestamp ?? Number.MAX_SAFE_INTEGER,
  );
  const sources: Iterator<BlockRow>[] = tail.runs.map((run) => history.rows(run, tail.device, latest));
  sources.push(tail.rows[Symbol.iterator]());
  for (const row of mergeSorted(sources, (a, b) => compareHistory(b, a))) {
    if (filter.from !== undefined && row.timestamp < filter.from) return;
    if (matchesHistory(filter, row, syncStatus(row.totalFilesSynced, row.totalErrors))) yield row;
  }
}

answerCalls(parentPort as MessagePort, {
  range(request: PointReadRequest): Handover | 'stale' {
    const found = readPoints(db, request);
    if (found === 'stale') return found;
    const { times, values, kinds } = found.points;
    return new Handover(found, [times.buffer, values.buffer, kinds.buffer] as ArrayBuffer[]);
  },
  aggregate: (request: PointAggregateRequest): readonly AggregateAnswer[] | 'stale' =>
    aggregatePoints(db, request),
  downsample: (request: PointChartRequest): PointColumns | 'stale' => chartPoints(db, request),
  listDetections: (query: DetectionQuery) => detections().list(query),
  detectionGrid: (query: GridQuery) => detections().grid(query),
  networks: (query: NetworkQuery) => networks().networks(query),
  network: (key: NetworkKey) => networks().network(key) ?? null,
  networkGrid: (query: Parameters<NetworkQueries['networkGrid']>[0]) => networks().networkGrid(query),
  changes: (query: ChangeQuery) => networks().changes(query),
  namesakes: (query: NamesakeQuery) => networks().namesakes(query),
  /** Up to `limit + 1` rows behind `offset`: the one too many tells that there is more. */
  page: (request: ReadRequest): ReadAnswer<BlockRow[]> =>
    read(request, (rows) => {
      const page: BlockRow[] = [];
      let skipped = 0;
      for (const row of rows) {
        if (skipped < request.offset) {
          skipped += 1;
          continue;
        }
        page.push(row);
        if (page.length > request.limit) break;
      }
      return page;
    }),
  statistics: (
    request: ReadRequest,
  ): ReadAnswer<{ totals: ReturnType<WindowTotals['result']>; complete: boolean }> =>
    read(request, (rows) => {
      const totals = new WindowTotals();
      let scanned = 0;
      for (const row of rows) {
        if (scanned === SCAN_LIMIT) return { totals: totals.result(), complete: false };
        totals.add(row);
        scanned += 1;
      }
      return { totals: totals.result(), complete: true };
    }),
});
