import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { DetectionBlock } from '../format/detection-block.ts';
import { DETECTION_BLOCKS_PER_RUN } from './detection-run.ts';
import { RowSource, type RowStretch, sortCell } from './row-source.ts';

/** Blocks read in one go: a read transaction ends with them, so that no checkpoint waits for a long pass. */
const BLOCKS_AT_ONCE = 4;

interface BlockParts {
  readonly hot: Uint8Array;
  readonly cold: Uint8Array;
}

/** All rows of a run in its order, and where they went. */
export class RunRows {
  /** The row at hand is before `end`, unless the run has ended. */
  at = 0;
  end = 0;
  source: RowSource | undefined;
  /** What rows are sorted by. */
  cells: Float64Array = new Float64Array(0);
  timestamps: Float64Array = new Float64Array(0);
  ordinals: Float64Array = new Float64Array(0);
  /** New places of the rows of each block. */
  readonly places: Uint32Array[] = [];
  readonly #some: StatementSync;
  readonly #last: number;
  #next: number;
  #blocks: BlockParts[] = [];
  #held: DetectionBlock | undefined;

  constructor(db: DatabaseSync, run: number) {
    this.#some = db.prepare(
      `SELECT hot, cold FROM detection_block WHERE id >= ? AND id < ? ORDER BY id LIMIT ${BLOCKS_AT_ONCE}`,
    );
    this.#next = run * DETECTION_BLOCKS_PER_RUN;
    this.#last = this.#next + DETECTION_BLOCKS_PER_RUN;
  }

  /** Goes to the next block; false at the end of the run. Called where `at === end`. */
  advance(): boolean {
    if (this.#blocks.length === 0) {
      this.#blocks = this.#some.all(this.#next, this.#last) as unknown as BlockParts[];
      this.#next += this.#blocks.length;
    }
    const block = this.#blocks.shift();
    // Nobody looks at the one before any more: its stretches were taken when they came.
    this.#held?.release();
    this.#held = undefined;
    if (block === undefined) return false;
    const rows = new DetectionBlock(block.hot, block.cold);
    this.#held = rows;
    this.source = new RowSource(rows);
    this.places.push(this.source.places);
    this.timestamps = rows.timestamps;
    this.ordinals = rows.ordinals;
    if (this.cells.length < rows.count) this.cells = new Float64Array(rows.count);
    for (let row = 0; row < rows.count; row++) this.cells[row] = sortCell(rows, row);
    this.at = 0;
    this.end = rows.count;
    return true;
  }
}

/** Merges runs by cell, time and ordinal. Yields stretches, not rows. */
export function* mergeRows(runs: readonly RunRows[]): Generator<RowStretch, void> {
  const open = runs.filter((run) => run.advance());
  while (open.length > 0) {
    const [least, second] = leastOf(open);
    const from = least.at;
    do least.at += 1;
    while (least.at < least.end && (second === undefined || isBefore(least, second)));
    yield { source: least.source as RowSource, from, to: least.at };
    if (least.at === least.end && !least.advance()) open.splice(open.indexOf(least), 1);
  }
}

/** The run with the least row at hand, and the one with the next. */
function leastOf(open: readonly RunRows[]): [least: RunRows, second: RunRows | undefined] {
  let least = open[0] as RunRows;
  let second: RunRows | undefined;
  for (let index = 1; index < open.length; index++) {
    const run = open[index] as RunRows;
    if (isBefore(run, least)) {
      second = least;
      least = run;
    } else if (second === undefined || isBefore(run, second)) second = run;
  }
  return [least, second];
}

function isBefore(a: RunRows, b: RunRows): boolean {
  const [cell, other] = [a.cells[a.at] as number, b.cells[b.at] as number];
  if (cell !== other) return cell < other;
  const [time, otherTime] = [a.timestamps[a.at] as number, b.timestamps[b.at] as number];
  if (time !== otherTime) return time < otherTime;
  return (a.ordinals[a.at] as number) < (b.ordinals[b.at] as number);
}
