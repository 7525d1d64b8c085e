import type { PointColumns } from '../../../../../ports/telemetry-store.ts';
import { mergePoints, type PointCursor } from '../../../sealed/points/point-merge.ts';
import type { Session } from '../../connection/session.ts';
import { GrowingColumns } from '../growing-columns.ts';
import { DAY, dayOf } from '../point-days.ts';
import { readRows, readStretch, type Stretch } from '../point-scan.ts';
import type { FoundSeries } from '../series-page.ts';
import { BlockCursor, type BlockPlace, findBlocks, type LoadedBlock, loadBlocks } from './block-reads.ts';

/** Points in the blocks that are held at once, unless those of one series are more. */
const BATCH_POINTS = 1 << 22;

/** All points of a series at once. */
export const ALL_POINTS = Number.MAX_SAFE_INTEGER;

/** Kinds of series: of numbers only; of those that had texts. */
const NUMBERS = 1;
const TEXTS = 4;

type Take = (series: number, points: PointColumns) => void;

/**
 * Reads the numbers and booleans in a stretch of several series, one series after the other, sealed or not. Texts may be among
 * them. What is handed over is only valid until the call returns.
 *
 * @param series - ascending by number
 * @param most - points of one series that are handed over at once
 */
export async function readSeries(
  session: Session,
  series: readonly FoundSeries[],
  stretch: Stretch,
  most: number,
  take: Take,
): Promise<void> {
  const numbers = series.map(({ number }) => number);
  const places = await findBlocks(session, numbers, stretch);
  if (places.length === 0) {
    await readRows(session, numbers, stretch, { kinds: false, most }, (one, rows) =>
      take(one, rows.columns()),
    );
    return;
  }
  // A text may stand where a sealed number was.
  const kinds = series.some((one) => (one.kinds & TEXTS) !== 0);
  for (const batch of batchesOf(numbers, places)) await readBatch(session, batch, stretch, kinds, most, take);
}

/** The first points of a stretch of one series, of all kinds: `count` of them, if there are so many, or more. */
export async function readFirst(
  session: Session,
  { number, kinds }: FoundSeries,
  stretch: Stretch,
  count: number,
): Promise<GrowingColumns> {
  const shape = { kinds: kinds !== NUMBERS, limit: count };
  const places = await findBlocks(session, [number], stretch);
  if (places.length === 0) return readStretch(session, number, stretch, shape);
  const found = new GrowingColumns();
  const days = [...new Set(places.map(({ day }) => day))];
  let { from } = stretch;
  for (let at = 1, more = 2; ; at += more, more *= 2) {
    const last = days[at - 1];
    const to = last === undefined ? stretch.to : Math.min(stretch.to, (last + 1) * DAY);
    const rows = await readStretch(session, number, { from, to }, shape);
    const own = places.filter(({ day }) => day >= dayOf(from) && day * DAY < to);
    const blocks = await loadBlocks(session, own);
    mergeSeries(
      number,
      blocks,
      rows,
      { from, to },
      () => false,
      (points, first, end) => found.addAll(points, first, end),
    );
    if (found.count >= count || to === stretch.to) return found;
    from = to;
  }
}

/** Series whose blocks are held together. */
interface Batch {
  readonly series: readonly number[];
  /** Blocks of each series, by day, run and time. */
  readonly places: ReadonlyMap<number, readonly BlockPlace[]>;
}

function batchesOf(numbers: readonly number[], places: readonly BlockPlace[]): readonly Batch[] {
  const ofSeries = new Map<number, BlockPlace[]>(numbers.map((number) => [number, []]));
  for (const place of places) {
    let at = firstFrom(numbers, place.seriesFrom);
    for (; at < numbers.length && (numbers[at] as number) <= place.seriesTo; at++) {
      ofSeries.get(numbers[at] as number)?.push(place);
    }
  }
  const batches: number[][] = [];
  let held = new Set<BlockPlace>();
  let points = 0;
  for (const number of numbers) {
    const own = ofSeries.get(number) ?? [];
    for (const place of own) if (!held.has(place)) points += place.count;
    if (batches.length === 0 || points > BATCH_POINTS) {
      batches.push([]);
      held = new Set();
      points = own.reduce((sum, { count }) => sum + count, 0);
    }
    for (const place of own) held.add(place);
    batches.at(-1)?.push(number);
  }
  return batches.map((series) => ({ series, places: ofSeries }));
}

function firstFrom(numbers: readonly number[], least: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function readBatch(
  session: Session,
  { series, places }: Batch,
  stretch: Stretch,
  kinds: boolean,
  most: number,
  take: Take,
): Promise<void> {
  const needed = new Set(series.flatMap((one) => places.get(one) ?? []));
  const loaded = new Map((await loadBlocks(session, [...needed])).map((block) => [block.place, block]));
  const whole = new GrowingColumns();
  let at = 0;
  const finish = (rows: GrowingColumns): void => {
    const one = series[at] as number;
    const next = series[at + 1];
    const blocks = (places.get(one) ?? []).map((place) => loaded.get(place) as LoadedBlock);
    const isShared = (place: BlockPlace) => next !== undefined && next <= place.seriesTo;
    mergeSeries(one, blocks, rows, stretch, isShared, (points, from, to) => {
      if (whole.count > 0 && whole.count + to - from > most) {
        take(one, whole.columns());
        whole.clear();
      }
      whole.addAll(points, from, to);
    });
    if (whole.count > 0) take(one, whole.columns());
    whole.clear();
    at += 1;
  };
  const none = new GrowingColumns();
  await readRows(session, series, stretch, { kinds, most: ALL_POINTS }, (one, rows) => {
    while ((series[at] as number) < one) finish(none);
    finish(rows);
  });
  while (at < series.length) finish(none);
}

/** Hands over the points of one series by time; of those of one time the one that was committed last. */
function mergeSeries(
  series: number,
  blocks: readonly LoadedBlock[],
  rows: GrowingColumns,
  stretch: Stretch,
  isShared: (place: BlockPlace) => boolean,
  take: (points: PointColumns, from: number, to: number) => void,
): void {
  const cursors: PointCursor[] = layersOf(blocks).map(
    (layer) => new BlockCursor(layer, series, stretch, isShared),
  );
  if (rows.count > 0) {
    const columns = { ...rows.columns(), series: new Int32Array(rows.count).fill(series) };
    cursors.push({ columns, at: 0, end: rows.count, advance: () => false });
  }
  for (const { columns, from, to } of mergePoints(cursors, { replaced: 0 })) take(columns, from, to);
}

/** Blocks that ascend by time: the first runs of all days, then the second ones, and so on. Later layers replace earlier ones. */
function layersOf(blocks: readonly LoadedBlock[]): readonly (readonly LoadedBlock[])[] {
  const layers: LoadedBlock[][] = [];
  let before: BlockPlace | undefined;
  let layer = 0;
  for (const block of blocks) {
    const { place } = block;
    if (place.day !== before?.day) layer = 0;
    else if (place.run !== before.run) layer += 1;
    before = place;
    layers[layer] ??= [];
    layers[layer]?.push(block);
  }
  return layers;
}
