import { encodePointBlock } from '../../../sealed/points/point-block.ts';
import { MAX_BLOCK_POINTS, TEXT_KIND } from '../../../sealed/points/point-columns.ts';
import { CopyRows } from '../../wire/copy-rows.ts';

/** Level of zstd for what stays. */
const LEVEL = 3;

/** Columns of `point_block` that a builder writes. */
export const BLOCK_COLUMNS = 'day, run, series_from, series_to, time_from, time_to, count, data';
const FIELDS = 8;

/** Packs the points of a day, which come by series and time, into rows of `point_block`. */
export class BlockBuilder {
  readonly #day: number;
  readonly #run: number;
  readonly #series = new Int32Array(MAX_BLOCK_POINTS);
  readonly #times = new Float64Array(MAX_BLOCK_POINTS);
  readonly #values = new Float64Array(MAX_BLOCK_POINTS);
  readonly #kinds = new Uint8Array(MAX_BLOCK_POINTS);
  #texts: string[] = [];
  #count = 0;
  #rows = new CopyRows();
  /** Of all that were added. */
  points = 0;
  blocks = 0;

  constructor(day: number, run: number) {
    this.#day = day;
    this.#run = run;
  }

  add(series: number, time: number, value: number, kind: number, text: string | null): void {
    const at = this.#count;
    this.#series[at] = series;
    this.#times[at] = time;
    this.#values[at] = kind === TEXT_KIND ? this.#texts.push(text ?? '') - 1 : value;
    this.#kinds[at] = kind;
    this.#count = at + 1;
    if (this.#count === MAX_BLOCK_POINTS) this.#finish();
  }

  /** The rows that are ready, to be sent; with `all` also the last one, which is not full. */
  take(all: boolean): CopyRows {
    if (all && this.#count > 0) this.#finish();
    const rows = this.#rows;
    this.#rows = new CopyRows();
    return rows;
  }

  #finish(): void {
    const count = this.#count;
    const columns = {
      count,
      series: this.#series,
      times: this.#times,
      values: this.#values,
      kinds: this.#kinds,
      texts: this.#texts,
    };
    const data = encodePointBlock(columns, 0, count, LEVEL);
    let from = Number.POSITIVE_INFINITY;
    let to = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < count; at++) {
      const time = this.#times[at] as number;
      if (time < from) from = time;
      if (time > to) to = time;
    }
    const rows = this.#rows;
    rows.row(FIELDS);
    rows.integer(this.#day);
    rows.integer(this.#run);
    rows.integer(this.#series[0] as number);
    rows.integer(this.#series[count - 1] as number);
    rows.bigint(from);
    rows.bigint(to);
    rows.integer(count);
    rows.bytes(data);
    this.points += count;
    this.blocks += 1;
    this.#count = 0;
    this.#texts = [];
  }
}
