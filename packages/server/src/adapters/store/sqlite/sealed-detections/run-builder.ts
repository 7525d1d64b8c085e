import { RowSpace } from '../format/columns/detection-rows.ts';
import {
  type EncodedDetectionBlock,
  encodeDetectionBlock,
  MAX_BLOCK_ROWS,
} from '../format/detection-block.ts';
import { IdentityFilter } from '../format/identity-filter.ts';
import type { DetectionPieces, FinishedDetectionRun } from './detection-run.ts';
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
/** What is merged again soon is compressed for speed. */
const SEALED_LEVEL = 1;
const MERGED_LEVEL = 3;
/** Some finished pieces of a run; `finished` is set with the last ones. */
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
      yield { blocks: this.#blocks, parts: [], finished: null };
      this.#blocks = [];
    }
    if (this.#space.count > 0) this.#finishBlock();
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
    identities: number,
    lastChunk: number,
  ): Generator<DetectionSlice, void> {
    yield { blocks: this.#blocks, parts: [], finished: null };
    this.#blocks = [];
    const filter = identities > 0 ? IdentityFilter.for(identities) : null;
    let parts: Uint8Array[] = [];
    for (const entries of identities > 0 ? wholeParts(sorted, identityParts(identities)) : []) {
      for (const hash of entries.hashes) addToFilter(filter as IdentityFilter, hash);
      const part = encodeIdentityPart(entries, this.#zstdLevel());
      this.#bytes += part.length;
      parts.push(part);
      if (parts.length < SLICE_BLOCKS) continue;
      yield { blocks: [], parts, finished: null };
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
      identities,
      filter: filter?.bytes ?? null,
    };
    yield { blocks: [], parts, finished };
  }
}

/** Cuts sorted entries into the parts of an index, empty ones included. */
function* wholeParts(sorted: Iterable<IdentityEntries>, parts: number): Generator<IdentityEntries, void> {
  let hashes: number[] = [];
  let places: number[] = [];
  let part = 0;
  const whole = (): IdentityEntries => {
    const entries = { hashes: Uint32Array.from(hashes), places: Uint32Array.from(places) };
    hashes = [];
    places = [];
    part += 1;
    return entries;
  };
  for (const entries of sorted) {
    for (let index = 0; index < entries.hashes.length; index++) {
      const hash = entries.hashes[index] as number;
      while (identityPartOf(hash, parts) > part) yield whole();
      hashes.push(hash);
      places.push(entries.places[index] as number);
    }
  }
  while (part < parts) yield whole();
}
