import type { DatabaseSync } from 'node:sqlite';
import type { DetectionType } from '@pisync/protocol';
import type { StoredDetection } from '../../../../core/detections/detection-columns.ts';
import {
  emptyNetwork,
  foldDetection,
  type NetworkRow,
} from '../../../../core/detections/networks/network-fold.ts';
import type { Finding } from '../../../../ports/store.ts';
import type { DetectionTail } from '../detections/detection-tail.ts';
import { DetectionBlock } from '../format/detection-block.ts';
import { compareRadios, type Radio, radioOf } from '../networks/network-radio.ts';
import { DETECTION_BLOCKS_PER_RUN, liveDetectionRuns } from '../sealed-detections/detection-run.ts';
import { Faults, Turns } from './faults.ts';
import { type RadioRange, StoredNetworks } from './stored-networks.ts';

/** Networks, and variants of those that have several, folded in one pass over all detections: up to a kilobyte each. */
const FOLDED_AT_ONCE = 50_000;

/**
 * Checks that the tables of networks equal a fold from nothing of all detections up to the one that is noted as folded last:
 * everything exactly, but for the sums of positions, which depend in their last digits on the order of additions.
 *
 * Networks are folded range by range of their radios, so that memory has a bound: each range is a pass over all detections, of which
 * it reads those that are its own. One network with more variants than a range holds takes 0.3 kB for each of them.
 *
 * @param tail - all that is not sealed. All detections must be readable
 * @param foldedAtOnce - for tests
 */
export async function checkNetworks(
  db: DatabaseSync,
  tail: DetectionTail,
  foldedAtOnce = FOLDED_AT_ONCE,
): Promise<Finding[]> {
  const faults = new Faults('networks');
  const folded = foldedIn(db);
  if (folded >= tail.nextOrdinal)
    faults.add(`detections up to ${folded} count as folded, there are ${tail.nextOrdinal - 1}`);
  const stored = new StoredNetworks(db, folded, faults);
  const detections = new AllDetections(db, tail, folded);
  const turns = new Turns();
  let networks = 0;
  for (const range of stored.ranges(foldedAtOnce)) {
    const fold = new RangeFold(range);
    for (const step of detections.of(fold)) {
      if (turns.due) await turns.next();
      if (step.networks <= 4 * foldedAtOnce) continue;
      faults.add('detections are of far more networks than the table holds; the rest was not looked at');
      return faults.findings('');
    }
    networks += fold.networks;
    stored.compare(range, fold.rows);
  }
  stored.compareCounts();
  return faults.findings(
    `${networks} networks: the same as a fold of all detections up to ${folded}, and ${Math.max(0, tail.nextOrdinal - 1 - folded)} are still to be folded`,
  );
}

function foldedIn(db: DatabaseSync): number {
  const row = db.prepare("SELECT value FROM meta WHERE key = 'detections_folded'").get();
  return (row as { value: number } | undefined)?.value ?? 0;
}

/** The networks of a range, folded from their detections in any order. */
class RangeFold {
  readonly rows = new Map<Radio, NetworkRow>();
  readonly #range: RadioRange;

  constructor(range: RadioRange) {
    this.#range = range;
  }

  get networks(): number {
    return this.rows.size;
  }

  /** The network that a detection belongs to; undefined where it is not of this range. */
  row(type: DetectionType, identity: string): NetworkRow | undefined {
    const radio = radioOf(type, identity);
    const { from, to } = this.#range;
    if (from !== undefined && compareRadios(radio, from) < 0) return undefined;
    if (to !== undefined && compareRadios(radio, to) >= 0) return undefined;
    let row = this.rows.get(radio);
    if (row === undefined) {
      row = emptyNetwork(type, identity);
      this.rows.set(radio, row);
    }
    return row;
  }
}

/** All detections up to the one that was folded last. */
class AllDetections {
  readonly #db: DatabaseSync;
  readonly #tail: DetectionTail;
  readonly #folded: number;

  constructor(db: DatabaseSync, tail: DetectionTail, folded: number) {
    this.#db = db;
    this.#tail = tail;
    this.#folded = folded;
  }

  /** Folds those of a range; yields now and then. */
  *of(fold: RangeFold): Generator<RangeFold, void> {
    for (const view of this.#tail.records(0)) {
      if (view.ordinal > this.#folded) break;
      take(fold, { ...view.toObserved(), ordinal: view.ordinal });
    }
    yield fold;
    const blocks = this.#db.prepare(
      'SELECT hot, cold FROM detection_block WHERE id >= ? AND id < ? ORDER BY id',
    );
    for (const { id } of liveDetectionRuns(this.#db)) {
      const rows = blocks.iterate(id * DETECTION_BLOCKS_PER_RUN, (id + 1) * DETECTION_BLOCKS_PER_RUN);
      for (const { hot, cold } of rows as Iterable<unknown> as Iterable<Record<'hot' | 'cold', Uint8Array>>) {
        takeBlock(fold, new DetectionBlock(hot, cold));
        yield fold;
      }
    }
  }
}

function take(fold: RangeFold, detection: StoredDetection): void {
  const row = fold.row(detection.type, detection.identity);
  if (row !== undefined) foldDetection(row, detection);
}

/** Most blocks have nothing of most ranges, which their stations tell. */
function takeBlock(fold: RangeFold, block: DetectionBlock): void {
  const networks = block.stationTable.map(({ type, identity }) => fold.row(type, identity));
  if (networks.every((network) => network === undefined)) return;
  const { stations } = block;
  for (let row = 0; row < block.count; row++) {
    const network = networks[stations[row] as number];
    if (network !== undefined) foldDetection(network, block.detection(row));
  }
}
