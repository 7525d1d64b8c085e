import type { DatabaseSync } from 'node:sqlite';
import { detectionTypes, PisyncError } from '@pisync/protocol';
import type { DetectionFilter, GeoBox } from '../../../../core/detections/detection-filter.ts';
import { boundingBox } from '../../../../core/detections/match-detections.ts';
import { type DetectionZone, readZone } from '../format/columns/detection-zone.ts';
import { DetectionBlock } from '../format/detection-block.ts';
import { DETECTION_BLOCKS_PER_RUN } from './detection-run.ts';
import { RecentlyUsed } from './recently-used.ts';

/** Runs whose zone maps are kept: about 25 kB for a run of a million rows. */
const RUNS_KEPT = 128;

interface BlockZone {
  readonly id: number;
  readonly zone: DetectionZone;
}

/** By connection, since a new store begins to number its runs anew. */
const zonesOf = new WeakMap<DatabaseSync, RecentlyUsed<number, readonly BlockZone[]>>();

/**
 * The blocks of live runs that may hold detections which meet a filter: none that does is in another one. Those with the newest
 * detection come first. A block's columns are read and checked when they are asked for, so the connection's read transaction must
 * last as long as the block is in use.
 *
 * @param floor - time before which nothing is needed any more: the blocks end where all that are left are older
 * @param kept - blocks of earlier questions, with what was decoded of them; for questions that read the hot part only
 * @throws {PisyncError} `store_damaged`, as does what is asked of a block
 */
export function* scanRuns(
  db: DatabaseSync,
  runs: readonly number[],
  filter: DetectionFilter,
  floor: () => number = () => Number.NEGATIVE_INFINITY,
  kept?: RecentlyUsed<number, DetectionBlock>,
): Generator<DetectionBlock, void> {
  const meets = zoneTest(filter);
  const blocks = runs.flatMap((run) => zonesOfRun(db, run).filter(({ zone }) => meets(zone)));
  blocks.sort((a, b) => b.zone.maxTimestamp - a.zone.maxTimestamp);
  const hot = db.prepare('SELECT hot AS part FROM detection_block WHERE id = ?');
  const cold = db.prepare('SELECT cold AS part FROM detection_block WHERE id = ?');
  for (const { id, zone } of blocks) {
    if (zone.maxTimestamp < floor()) return;
    const read = (statement: typeof hot): Uint8Array => partOf(statement.get(id));
    const block = (): DetectionBlock => new DetectionBlock(read(hot), () => read(cold));
    yield kept === undefined ? block() : kept.get(id, block);
  }
}

function partOf(row: Record<string, unknown> | undefined): Uint8Array {
  if (row === undefined)
    throw new PisyncError('store_damaged', { detail: 'a block of detections is missing' });
  return row['part'] as Uint8Array;
}

/** What a live run holds never changes, nor is its number given again. */
function zonesOfRun(db: DatabaseSync, run: number): readonly BlockZone[] {
  let kept = zonesOf.get(db);
  if (kept === undefined) {
    kept = new RecentlyUsed(RUNS_KEPT);
    zonesOf.set(db, kept);
  }
  return kept.get(run, () => {
    const first = run * DETECTION_BLOCKS_PER_RUN;
    const rows = db
      .prepare('SELECT id, zone FROM detection_block WHERE id >= ? AND id < ? ORDER BY id')
      .all(first, first + DETECTION_BLOCKS_PER_RUN) as unknown as { id: number; zone: Uint8Array }[];
    return rows.map(({ id, zone }) => ({ id, zone: readZone(zone) }));
  });
}

/** True for a zone where some row may meet the filter. Texts are not judged. */
function zoneTest(filter: DetectionFilter): (zone: DetectionZone) => boolean {
  const { from, to, types, minSignal, maxSignal, box, around } = filter;
  const wanted = types?.reduce((mask, type) => mask | (1 << detectionTypes.indexOf(type)), 0);
  const boxes = [box, around === undefined ? undefined : boundingBox(around)].filter(
    (one): one is GeoBox => one !== undefined,
  );
  return (zone) =>
    (from === undefined || zone.maxTimestamp >= from) &&
    (to === undefined || zone.minTimestamp < to) &&
    (wanted === undefined || (zone.types & wanted) !== 0) &&
    (minSignal === undefined || zone.maxSignal >= minSignal) &&
    (maxSignal === undefined || zone.minSignal <= maxSignal) &&
    boxes.every((one) => touches(zone, one));
}

/** Where no row has a position, south is infinite: no box is touched. */
function touches(zone: DetectionZone, { south, west, north, east }: GeoBox): boolean {
  if (!(zone.south <= north && zone.north >= south)) return false;
  return west <= east ? zone.west <= east && zone.east >= west : zone.west <= east || zone.east >= west;
}
