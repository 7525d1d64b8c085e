import { freeBytes } from '../../sealed/bytes.ts';
import { RowSpace } from '../format/columns/detection-rows.ts';
import {
  type EncodedDetectionBlock,
  encodeDetectionBlock,
  MAX_BLOCK_ROWS,
} from '../format/detection-block.ts';
import { IdentityFilter } from '../format/identity-filter.ts';
import type { DetectionPieces, FinishedDetectionRun, IdentitySummary } from './detection-run.ts';
import {
  addToFilter,
  encodeIdentityPart,
  type IdentityEntries,
  identityPartOf,
  identityParts,
} from './identity-index.ts';
import type { RowSource, RowStretch } from './row-source.ts';

/** Blocks handed over at once. */
const SLICE_BLOCKS = 16;
/** A block of fewer rows is finished at so many characters of texts. */
const BLOCK_CHARACTERS = 2 ** 20;
/** Rows taken between two looks at the characters. */
const ROWS_AT_ONCE = 64;
/** Entries that a part of an index has at most, as hashes go. */
const USUAL_PART = 8192;
/** What is merged again soon is compressed for speed. */
const SEALED_LEVEL = 1;
const MERGED_LEVEL = 3;
/**
 * Some finished pieces of a run; `finished` is set with the last ones. Pieces are given back when the next are asked for: by then they
 * were copied to where they are stored.
 */
export interface DetectionSlice extends DetectionPieces {
  readonly finished: FinishedDetectionRun | null;
}

/** Puts sorted rows into the blocks of a run, and their identities into its index. */
export class RunBuilder {
  readonly #run: number;
  readonly #level: number;
  readonly #space = new RowSpace(MAX_BLOCK_ROWS);
  #block = 0;
  #detections = 0;
  #bytes = 0;
  #minTimestamp = Number.MAX_SAFE_INTEGER;
  #maxTimestamp = Number.MIN_SAFE_INTEGER;
  #blocks: EncodedDetectionBlock[] = [];

  constructor(run: number, level: number) {
    this.#run = run;
    this.#level = level;
  }

  /** To be called once, before {@link finish}. */
  *blocks(stretches: Iterable<RowStretch>): Generator<DetectionSlice, void> {
    for (const { source, from, to } of stretches) {
      for (let at = from; at < to; ) at = this.#take(source, at, to);
      if (this.#blocks.length < SLICE_BLOCKS) continue;
      yield* this.#handOver();
    }
    if (this.#space.count > 0) this.#finishBlock();
  }

  *#handOver(): Generator<DetectionSlice, void> {
    yield { blocks: this.#blocks, parts: [], finished: null };
    for (const { hot, cold } of this.#blocks) freeBytes(hot, cold);
    this.#blocks = [];
  }

  #take(source: RowSource, from: number, to: number): number {
    const space = this.#space;
    const end = Math.min(to, from + ROWS_AT_ONCE, from + MAX_BLOCK_ROWS - space.count);
    let place = this.#block * MAX_BLOCK_ROWS + space.count;
    for (let row = from; row < end; row++) source.places[row] = place++;
    space.take(source.rows, from, end, source.remapFor(this.#block));
    if (space.count === MAX_BLOCK_ROWS || space.characters >= BLOCK_CHARACTERS) this.#finishBlock();
    return end;
  }

  #finishBlock(): void {
    const space = this.#space;
    const block = encodeDetectionBlock(space, this.#zstdLevel());
    this.#blocks.push(block);
    this.#detections += space.count;
    this.#bytes += block.hot.length + block.cold.length;
    this.#minTimestamp = Math.min(this.#minTimestamp, block.zone.minTimestamp);
    this.#maxTimestamp = Math.max(this.#maxTimestamp, block.zone.maxTimestamp);
    this.#block += 1;
    space.clear();
  }

  #zstdLevel(): number {
    return this.#level === 0 ? SEALED_LEVEL : MERGED_LEVEL;
  }

  /** The last blocks and the index. */
  *finish(
    sorted: Iterable<IdentityEntries>,
    summary: IdentitySummary,
    lastChunk: number,
  ): Generator<DetectionSlice, void> {
    yield* this.#handOver();
    this.#space.release();
    const { identities } = summary;
    const filter = identities > 0 ? IdentityFilter.for(identities) : null;
    let parts: Uint8Array[] = [];
    for (const entries of identities > 0 ? wholeParts(sorted, identityParts(identities)) : []) {
      for (const hash of entries.hashes) addToFilter(filter as IdentityFilter, hash);
      const part = encodeIdentityPart(entries, this.#zstdLevel());
      this.#bytes += part.length;
      parts.push(part);
      if (parts.length < SLICE_BLOCKS) continue;
      yield { blocks: [], parts, finished: null };
      freeBytes(...parts);
      parts = [];
    }
    const finished: FinishedDetectionRun = {
      run: this.#run,
      level: this.#level,
      detections: this.#detections,
      bytes: this.#bytes,
      minTimestamp: this.#minTimestamp,
      maxTimestamp: this.#maxTimestamp,
      lastChunk,
      ...summary,
      filter: filter?.bytes ?? null,
    };
    yield { blocks: [], parts, finished };
  }
}

/** Cuts sorted entries into the parts of an index, empty ones included. A part is valid until the next is asked for. */
function* wholeParts(sorted: Iterable<IdentityEntries>, parts: number): Generator<IdentityEntries, void> {
  let hashes = new Uint32Array(USUAL_PART);
  let places = new Uint32Array(USUAL_PART);
  let count = 0;
  let part = 0;
  const whole = (): IdentityEntries => ({
    hashes: hashes.subarray(0, count),
    places: places.subarray(0, count),
  });
  for (const entries of sorted) {
    for (let index = 0; index < entries.hashes.length; index++) {
      const hash = entries.hashes[index] as number;
      for (const own = identityPartOf(hash, parts); part < own; part++) {
        yield whole();
        count = 0;
      }
      if (count === hashes.length) {
        hashes = doubled(hashes);
        places = doubled(places);
      }
      hashes[count] = hash;
      places[count++] = entries.places[index] as number;
    }
  }
  for (; part < parts; part++) {
    yield whole();
    count = 0;
  }
}

function doubled(entries: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(entries.length * 2);
  larger.set(entries);
  return larger;
}
