import { decodePointBlock, decodePointSeries } from '../../../sealed/points/point-block.ts';
import type { PointColumns } from '../../../sealed/points/point-columns.ts';
import { pointSpace } from '../../../sealed/points/point-columns.ts';
import type { PointCursor } from '../../../sealed/points/point-merge.ts';
import type { Session } from '../../connection/session.ts';
import { readRows } from '../../wire/read-rows.ts';
import { dayOf } from '../point-days.ts';
import type { Stretch } from '../point-scan.ts';

/** A block as the table tells it, without its points. */
export interface BlockPlace {
  readonly id: number;
  readonly day: number;
  /** Orders the blocks of a day by when they were sealed. */
  readonly run: number;
  readonly seriesFrom: number;
  readonly seriesTo: number;
  /** Points of all series in it. */
  readonly count: number;
}

/** Blocks that may hold points of some series in a stretch: by day and run, and as they were written, by series and time. */
export async function findBlocks(
  session: Session,
  series: readonly number[],
  { from, to }: Stretch,
): Promise<readonly BlockPlace[]> {
  // PostgreSQL takes a range that ends before it begins for an error.
  if (from >= to) return [];
  return session.query<BlockPlace>(
    `SELECT id, day, run, series_from AS "seriesFrom", series_to AS "seriesTo", count FROM point_block
     WHERE int4range(series_from, series_to, '[]') && $1::int4multirange
       AND int4range(day, day, '[]') && int4range($2::int, $3::int, '[]')
       AND time_to >= $4::bigint AND time_from < $5::bigint
     ORDER BY day, run, id`,
    [multirange(series), dayOf(whole(from)), dayOf(whole(to)), whole(from), whole(to)],
  );
}

/** All blocks of a run, by series and time. */
export async function findRun(session: Session, day: number, run: number): Promise<readonly BlockPlace[]> {
  return session.query<BlockPlace>(
    `SELECT id, day, run, series_from AS "seriesFrom", series_to AS "seriesTo", count FROM point_block
     WHERE day = $1::int AND run = $2::int ORDER BY id`,
    [day, run],
  );
}

function whole(time: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, time));
}

/** Numbers that ascend, as ranges. */
function multirange(numbers: readonly number[]): string {
  const ranges: string[] = [];
  for (let at = 0; at < numbers.length; ) {
    const first = numbers[at] as number;
    let last = first;
    for (at += 1; numbers[at] === last + 1; at++) last += 1;
    ranges.push(`[${first},${last}]`);
  }
  return `{${ranges.join()}}`;
}

/** A block with its points, still packed. */
export class LoadedBlock {
  readonly place: BlockPlace;
  readonly #data: Uint8Array;
  #whole: PointColumns | undefined;

  constructor(place: BlockPlace, data: Uint8Array) {
    this.place = place;
    this.#data = data;
  }

  /** All points: unpacked once, where several series of the block are asked for. */
  all(): PointColumns {
    this.#whole ??= decodePointBlock(this.#data);
    return this.#whole;
  }

  /** @param space - takes the points, which are valid until it is used again */
  ofSeries(series: number, space: ReturnType<typeof pointSpace>): PointColumns {
    return this.#whole ?? decodePointSeries(this.#data, series, space);
  }
}

/** Reads the points of blocks, in the order of the places. @throws {TypeError} where one is gone */
export async function loadBlocks(
  session: Session,
  places: readonly BlockPlace[],
): Promise<readonly LoadedBlock[]> {
  const found = new Map<number, Uint8Array>();
  const ids = places.map(({ id }) => id);
  if (ids.length > 0) {
    await readRows(session, `SELECT id, data FROM point_block WHERE id = ANY('{${ids.join()}}')`, (row) => {
      found.set(row.bigint() as number, row.bytes() as Buffer);
    });
  }
  return places.map((place) => {
    const data = found.get(place.id);
    if (data === undefined) throw new TypeError(`block ${place.id} is gone`);
    return new LoadedBlock(place, data);
  });
}

/** The points of one series in blocks that do not overlap and ascend by time. */
export class BlockCursor implements PointCursor {
  columns: PointColumns = { ...pointSpace(0), count: 0, texts: [] };
  at = 0;
  end = 0;
  readonly #space = pointSpace();
  readonly #series: number;
  readonly #blocks: readonly LoadedBlock[];
  readonly #stretch: Stretch;
  readonly #isShared: (block: BlockPlace) => boolean;
  #next = 0;

  /** @param isShared - whether other series of a block will be asked for, too */
  constructor(
    blocks: readonly LoadedBlock[],
    series: number,
    stretch: Stretch,
    isShared: (block: BlockPlace) => boolean,
  ) {
    this.#blocks = blocks;
    this.#series = series;
    this.#stretch = stretch;
    this.#isShared = isShared;
  }

  advance(): boolean {
    while (this.#next < this.#blocks.length) {
      const block = this.#blocks[this.#next++] as LoadedBlock;
      this.columns = this.#isShared(block.place) ? block.all() : block.ofSeries(this.#series, this.#space);
      const { series, times, count } = this.columns;
      const first = lowerBound(series, 0, count, this.#series);
      const last = lowerBound(series, first, count, this.#series + 1);
      this.at = lowerBound(times, first, last, this.#stretch.from);
      this.end = lowerBound(times, first, last, this.#stretch.to);
      if (this.at < this.end) return true;
    }
    return false;
  }
}

/** Index of the first number of a part that is not less than another. */
function lowerBound(column: PointColumns['series'] | Float64Array, from: number, to: number, least: number) {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((column[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
