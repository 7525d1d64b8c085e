import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { writeZone } from '../format/columns/detection-zone.ts';
import type { EncodedDetectionBlock } from '../format/detection-block.ts';

/** What is known of the identities of a run without its filter and its index. */
export interface IdentitySummary {
  /** Detections that have an identity. */
  readonly identities: number;
  /** Those of them that are recognised by their body alone, of which the time that the device told is a part. */
  readonly digests: number;
  /** The least and the greatest of those times, null where there is none: a detection of another time is not among them. */
  readonly minDigestTime: number | null;
  readonly maxDigestTime: number | null;
}

/** One sealed run of detections as the manifest knows it. */
export interface DetectionRun extends IdentitySummary {
  readonly id: number;
  readonly level: number;
  readonly detections: number;
  readonly bytes: number;
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
  /** Newest log chunk in it. */
  readonly lastChunk: number;
}

/** What a sealing or merging job ends with. */
export interface FinishedDetectionRun extends Omit<DetectionRun, 'id'> {
  readonly run: number;
  /** Of its identities; null where there are none. */
  readonly filter: Uint8Array | null;
}

/** Something of a run in building: neighbours in their order. */
export interface DetectionPieces {
  readonly blocks: readonly EncodedDetectionBlock[];
  /** Parts of the index. */
  readonly parts: readonly Uint8Array[];
}

/** Blocks of one run, at most; block `n` of a run and part `n` of its index have the id `run * DETECTION_BLOCKS_PER_RUN + n`. */
export const DETECTION_BLOCKS_PER_RUN = 2 ** 22;
/** Rows of a run, about; larger ones are not merged. */
const MOST_DETECTIONS = 2 ** 20;
const SWEEP_ROWS = 50;

const LIVE = `SELECT id, level, detections, bytes, min_timestamp AS minTimestamp, max_timestamp AS maxTimestamp,
    last_chunk AS lastChunk, identities, digests, min_digest_time AS minDigestTime, max_digest_time AS maxDigestTime
  FROM detection_run WHERE live = 1 ORDER BY last_chunk, id`;

/** The runs that are part of history, from the oldest commits to the newest. */
export function liveDetectionRuns(db: DatabaseSync): DetectionRun[] {
  return db.prepare(LIVE).all() as unknown as DetectionRun[];
}

/**
 * The runs to be merged next: of the lowest level that has enough, as many of the oldest as make no run of more than about a million
 * rows. None where there is nothing to merge.
 *
 * @param fanIn - how many are enough
 */
export function mergeableDetectionRuns(
  live: readonly DetectionRun[],
  fanIn: number,
): readonly DetectionRun[] {
  const levels = [...new Set(live.map((run) => run.level))].sort((a, b) => a - b);
  for (const level of levels) {
    const runs = live.filter((run) => run.level === level && run.detections <= MOST_DETECTIONS / 2);
    if (runs.length < fanIn) continue;
    let rows = 0;
    return runs.filter((run) => {
      rows += run.detections;
      return rows <= MOST_DETECTIONS;
    });
  }
  return [];
}

/** The sealed runs of detections on the writing connection. */
export class DetectionRuns {
  readonly #db: DatabaseSync;
  readonly #putBlock: StatementSync;
  readonly #putPart: StatementSync;
  #live: readonly DetectionRun[] = [];
  /** Blocks and parts written so far of the runs in building. */
  readonly #written = new Map<number, { blocks: number; parts: number }>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#putBlock = db.prepare(
      'INSERT INTO detection_block (id, run, zone, hot, cold) VALUES (?, ?, ?, ?, ?)',
    );
    this.#putPart = db.prepare('INSERT INTO detection_identity (id, run, data) VALUES (?, ?, ?)');
    this.refresh();
  }

  get live(): readonly DetectionRun[] {
    return this.#live;
  }

  /** To be called whenever the set of live runs has changed. */
  refresh(): void {
    this.#live = liveDetectionRuns(this.#db);
  }

  /** Registers a run that is being built: its blocks are garbage until {@link activate}. */
  begin(): number {
    const { lastInsertRowid } = this.#db
      .prepare(
        `INSERT INTO detection_run (live, level, detections, bytes, min_timestamp, max_timestamp, last_chunk, identities, digests)
         VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0)`,
      )
      .run();
    return Number(lastInsertRowid);
  }

  /** Adds blocks and parts of the index behind those that were put before. @returns bytes */
  putBlocks(run: number, { blocks, parts }: DetectionPieces): number {
    const first = run * DETECTION_BLOCKS_PER_RUN;
    const written = this.#written.get(run) ?? { blocks: 0, parts: 0 };
    this.#written.set(run, written);
    let bytes = 0;
    for (const { zone, hot, cold } of blocks) {
      this.#putBlock.run(first + written.blocks++, run, writeZone(zone), hot, cold);
      bytes += hot.length + cold.length;
    }
    for (const part of parts) {
      this.#putPart.run(first + written.parts++, run, part);
      bytes += part.length;
    }
    return bytes;
  }

  activate(finished: FinishedDetectionRun): void {
    const { run, level, detections, bytes, minTimestamp, maxTimestamp, lastChunk } = finished;
    const { identities, digests, minDigestTime, maxDigestTime, filter } = finished;
    this.#written.delete(run);
    this.#db
      .prepare(
        `UPDATE detection_run SET live = 1, level = ?, detections = ?, bytes = ?, min_timestamp = ?, max_timestamp = ?,
           last_chunk = ?, identities = ?, digests = ?, min_digest_time = ?, max_digest_time = ?, filter = ? WHERE id = ?`,
      )
      .run(
        ...[level, detections, bytes, minTimestamp, maxTimestamp, lastChunk],
        ...[identities, digests, minDigestTime, maxDigestTime, filter, run],
      );
  }

  retire(runs: readonly number[]): void {
    const retire = this.#db.prepare('UPDATE detection_run SET live = 0 WHERE id = ?');
    for (const run of runs) retire.run(run);
  }

  /** Deletes a slice of the runs that are not live. True if more is left. No run may be in building. */
  sweep(): boolean {
    const dead = this.#db.prepare('SELECT id FROM detection_run WHERE live = 0 LIMIT 1').get() as
      | { id: number }
      | undefined;
    if (dead === undefined) return false;
    const first = dead.id * DETECTION_BLOCKS_PER_RUN;
    let deleted = 0;
    for (const table of ['detection_block', 'detection_identity']) {
      const { changes } = this.#db
        .prepare(
          `DELETE FROM ${table} WHERE id IN
             (SELECT id FROM ${table} WHERE id >= ? AND id < ? ORDER BY id LIMIT ${SWEEP_ROWS})`,
        )
        .run(first, first + DETECTION_BLOCKS_PER_RUN);
      deleted += Number(changes);
    }
    if (deleted === 0) this.#db.prepare('DELETE FROM detection_run WHERE id = ?').run(dead.id);
    return true;
  }
}
