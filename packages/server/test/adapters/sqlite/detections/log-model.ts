import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import type { ObservedDetection } from '@pisync/protocol';
import { ByteWriter } from '../../../../src/adapters/store/sealed/bytes.ts';
import { DetectionLog } from '../../../../src/adapters/store/sqlite/detections/detection-log.ts';
import type { SealableDetections } from '../../../../src/adapters/store/sqlite/detections/detection-tail.ts';
import type {
  SealedDetections,
  SequenceCounters,
} from '../../../../src/adapters/store/sqlite/detections/known-detections.ts';
import { writeDetection } from '../../../../src/adapters/store/sqlite/format/detection-record.ts';
import {
  detectionBody,
  detectionIdentityHash,
  detectionIdentityKind,
} from '../../../../src/core/detections/detection-identity.ts';

/** A stored detection. One that is `gone` was pruned from history; only the number that it bore is known. */
interface Kept {
  readonly observed: ObservedDetection;
  readonly ordinal: number;
  readonly chunk: number;
  state: 'tail' | 'sealed' | 'gone';
}

/** Stands for every hash where hashes are made to collide. */
const oneHash = { high: 0xdead_beef, low: 0xffff_fff1 };

function numberOf({ deviceId, epoch, seq }: Pick<ObservedDetection, 'deviceId' | 'epoch' | 'seq'>): string {
  return `${deviceId} ${epoch} ${seq}`;
}

function identityOf(observed: ObservedDetection): string | null {
  const kind = detectionIdentityKind(observed);
  if (kind === 'seq') return `seq ${numberOf(observed)}`;
  if (kind === 'event_id') return `event_id ${observed.deviceId} ${observed.eventId}`;
  return kind === 'digest' ? `digest ${observed.deviceId} ${detectionBody(observed)}` : null;
}

/** A log beside a plain list of what was stored, with the numbers of another kind of observation. */
export class LogModel {
  readonly #db = new DatabaseSync(':memory:');
  readonly #collide: boolean;
  log: DetectionLog;
  #kept: Kept[] = [];
  #ordinal = 1;
  readonly #others = new Set<string>();
  /** What the log has told its counters within the last commit. */
  #noted: string[] = [];
  #conflicts: string[] = [];
  #sealing: SealableDetections | undefined;

  /** @param collide - all identities get one hash */
  constructor(collide: boolean) {
    this.#collide = collide;
    this.#db.exec(
      `CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY, data BLOB) STRICT, WITHOUT ROWID;
       CREATE TABLE detection_log (
         chunk INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL
       ) STRICT`,
    );
    this.log = new DetectionLog(this.#db);
  }

  close(): void {
    this.#db.close();
  }

  readonly #counters: SequenceCounters = {
    has: (view) => {
      const number = numberOf(view);
      const used = this.#kept.some(({ observed }) => observed.seq !== null && numberOf(observed) === number);
      return used || this.#noted.includes(number) || this.#others.has(number);
    },
    heldByOther: (view) => this.#others.has(numberOf(view)),
    stored: (view) => {
      if (view.seq !== null) this.#noted.push(numberOf(view));
    },
    conflict: (view) => this.#conflicts.push(view.deviceId),
  };

  readonly #sealed: SealedDetections = {
    find: (view, accept) =>
      this.#kept.some(({ observed, state }) => {
        const hash = detectionIdentityHash(observed);
        if (state !== 'sealed' || hash === null) return false;
        const { high, low } = this.#collide ? oneHash : hash;
        return high === view.hashHigh && low === view.hashLow && accept(observed);
      }),
  };

  #records(group: readonly ObservedDetection[]): Uint8Array {
    const writer = new ByteWriter(0);
    for (const observed of group) {
      const start = writer.at;
      writeDetection(writer, observed);
      const hash = detectionIdentityHash(observed);
      if (!this.#collide || hash === null) continue;
      const at = writer.written().indexOf(halves(hash), start);
      halves(oneHash).copy(writer.bytes, at);
    }
    return writer.written();
  }

  /** @param fails - the transaction is rolled back, and the log read again */
  commit(group: readonly ObservedDetection[], fails: boolean): void {
    const { log } = this;
    const before = this.#kept.length;
    const expected = this.#expect(group);
    const stored = this.#kept.slice(before).map(({ observed }) => observed);
    this.#noted = [];
    this.#conflicts = [];
    // The counters know what was there before; what comes in between, the log notes.
    const own = this.#kept.splice(before);
    const codes = log.admit(this.#records(group), group.length, this.#counters, this.#sealed);
    const outcomes = [...codes].map((code) => ['stored', 'duplicate', 'conflict'][code]);
    assert.deepEqual(outcomes, expected);
    assert.deepEqual(this.#noted, stored.filter(({ seq }) => seq !== null).map(numberOf));
    const refused = group.filter((_, index) => expected[index] === 'conflict');
    assert.deepEqual(
      this.#conflicts,
      refused.map(({ deviceId }) => deviceId),
    );
    this.#noted = [];
    this.#db.exec('BEGIN IMMEDIATE');
    const bytes = log.write();
    assert.equal(bytes > 0, stored.length > 0);
    assert.equal(log.write(), 0, 'what is written is not written again');
    if (fails) {
      this.#db.exec('ROLLBACK');
      this.#ordinal -= own.length;
      this.reload();
    } else {
      this.#db.exec('COMMIT');
      this.#kept.push(...own);
    }
  }

  /** What must become of each of a group by the plain rule; what is stored joins the list. */
  #expect(group: readonly ObservedDetection[]): string[] {
    const { log } = this;
    return group.map((observed) => {
      const identity = identityOf(observed);
      const held = this.#kept.find(
        (kept) => kept.state !== 'gone' && identity !== null && identityOf(kept.observed) === identity,
      );
      if (held !== undefined) {
        return detectionBody(held.observed) === detectionBody(observed) ? 'duplicate' : 'conflict';
      }
      if (observed.seq !== null) {
        if (this.#others.has(numberOf(observed))) return 'conflict';
        if (this.#kept.some((kept) => identityOf(kept.observed) === identity)) return 'duplicate';
      }
      this.#kept.push({ observed, ordinal: this.#ordinal++, chunk: log.chunk + 1, state: 'tail' });
      return 'stored';
    });
  }

  /** Another kind of observation takes a number, unless the device has used it. */
  useNumber(deviceId: string, epoch: string, seq: number): void {
    const number = numberOf({ deviceId, epoch, seq });
    if (this.#kept.some(({ observed }) => observed.seq !== null && numberOf(observed) === number)) return;
    this.#others.add(number);
  }

  /** Some detections begin to be sealed, which takes a while; a start in between ends it. */
  seal(most: number, cut: boolean): void {
    if (cut) this.log.tail.cut();
    const found = this.log.tail.sealable(most);
    if (found.detections > 0) this.#sealing ??= found;
  }

  finishSeal(): void {
    const found = this.#sealing;
    if (found === undefined) return;
    this.#sealing = undefined;
    this.#db.exec('BEGIN IMMEDIATE');
    this.log.finishSeal(found);
    this.#db.exec('COMMIT');
    this.log.sealed(found);
    for (const kept of this.#kept) {
      if (kept.state !== 'tail') continue;
      const sealed: boolean = kept.ordinal < found.nextOrdinal;
      assert.equal(kept.chunk <= found.lastChunk, sealed, 'a row is sealed as a whole');
      if (sealed) kept.state = 'sealed';
    }
  }

  sweep(): void {
    while (this.log.sweep());
    const { rows } = this.#db
      .prepare('SELECT count(*) AS rows FROM detection_log WHERE chunk <= ?')
      .get(this.log.sealedChunk) as { rows: number };
    assert.equal(rows, 0);
  }

  /** Sealed detections are pruned. */
  prune(): void {
    for (const kept of this.#kept) if (kept.state === 'sealed') kept.state = 'gone';
  }

  /** As after a start. */
  reload(): void {
    this.#sealing = undefined;
    this.log = new DetectionLog(this.#db);
  }

  check(): void {
    const { tail } = this.log;
    const rows: unknown[] = [];
    for (const view of tail.records(0)) rows.push([view.ordinal, view.toObserved()]);
    const expected = this.#kept.filter(({ state }) => state === 'tail');
    assert.deepEqual(
      rows,
      expected.map(({ ordinal, observed }) => [ordinal, observed]),
    );
    assert.deepEqual([tail.events, tail.nextOrdinal], [expected.length, this.#ordinal]);
  }
}

function halves({ high, low }: { high: number; low: number }): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(high, 0);
  bytes.writeUInt32LE(low, 4);
  return bytes;
}
