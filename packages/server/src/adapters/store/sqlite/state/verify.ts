import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { PisyncError } from '@pisync/protocol';
import { mayBeContacts } from '../../../../core/contact.ts';
import type { PartialRule } from '../../../../core/fold.ts';
import { foldInOrder, notOfEvents } from '../../../../core/fold.ts';
import { addSeq, hasSeq, type SeqSet } from '../../../../core/seq-set.ts';
import { F, SYNC_STATE_LENGTH } from '../../../../core/sync-state.ts';
import { HourlyTotals } from '../../../../core/totals.ts';
import type { Finding } from '../../../../ports/store.ts';
import { refuseUnfinished } from '../copy/target-mark.ts';
import { type BlockRow, compareRows } from '../format/block.ts';
import { openReader } from '../format/connection.ts';
import { IdentityFilter } from '../format/identity-filter.ts';
import { checkDetections, type NumberNoted } from '../verify/check-detections.ts';
import { checkTelemetry } from '../verify/check-telemetry.ts';
import { Faults } from '../verify/faults.ts';
import type { Ledger } from './ledger.ts';
import { loadLedger } from './load.ts';
import { type StoredInput, tailOf } from './rebuild.ts';
import { mergeSorted, type Run, runRows, SealedHistory } from './sealed-history.ts';
import { SealedIdentities } from './sealed-identities.ts';

/** Devices checked before other work gets its turn. */
const DEVICES_AT_ONCE = 500;

/**
 * Checks a store from end to end, without writing: SQLite's own integrity, every checksum, that each observation is there
 * exactly once, and that the state of every device, the newest point of every series and every network equal a fold of their
 * observations from nothing.
 *
 * Holds one read transaction, so that the write-ahead log of a running server grows meanwhile.
 */
export async function verifyStore(path: string): Promise<readonly Finding[]> {
  if (!existsSync(path)) return [{ severity: 'error', check: 'file', detail: `${path} does not exist` }];
  const db = openReader(path);
  try {
    db.exec('BEGIN');
    refuseUnfinished(db);
    const findings: Finding[] = [checkFile(db), ...checkPragmas(db)];
    if (findings.some((finding) => finding.severity === 'error')) return findings;
    let ledger: Ledger | undefined;
    const contents = await orUnreadable(() => {
      const history = new SealedHistory(db);
      const sealed = new SealedIdentities(history);
      ledger = loadLedger(db, sealed, policyOf(db)).ledger;
      return checkContents(db, ledger, history, sealed);
    });
    const noted = ledger === undefined ? undefined : numbersOf(ledger);
    const telemetry = await orUnreadable(() => checkTelemetry(db));
    const detections = await orUnreadable(() => checkDetections(db, noted));
    return [...findings, ...contents, ...telemetry, ...detections];
  } catch (error) {
    return [unreadable(error)];
  } finally {
    db.close();
  }
}

/** What one check cannot read hides nothing of the others. */
async function orUnreadable(check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    return [unreadable(error)];
  }
}

function unreadable(error: unknown): Finding {
  const detail = error instanceof Error ? error.message : String(error);
  return { severity: 'error', check: 'readable', detail };
}

/** Which numbers the devices are noted to have used. */
function numbersOf({ devices }: Ledger): NumberNoted {
  return (deviceId, epoch, seq) => {
    const device = devices.findText(deviceId);
    if (device < 0) return false;
    return devices.epochs(device).some(({ name, seen }) => name === epoch && hasSeq(seen, seq));
  };
}

function checkFile(db: DatabaseSync): Finding {
  const rows = db.prepare('PRAGMA integrity_check(20)').all() as { integrity_check: string }[];
  const sound = rows.length === 1 && rows[0]?.integrity_check === 'ok';
  const detail = sound ? 'SQLite finds no fault' : rows.map((row) => row.integrity_check).join('; ');
  return { severity: sound ? 'ok' : 'error', check: 'integrity', detail };
}

function checkPragmas(db: DatabaseSync): Finding[] {
  const mode = String(Object.values(db.prepare('PRAGMA journal_mode').get() ?? {})[0]);
  return mode === 'wal'
    ? [
        {
          severity: 'ok',
          check: 'journal',
          detail: 'write-ahead log; the writer confirms synchronous=FULL at every start',
        },
      ]
    : [{ severity: 'error', check: 'journal', detail: `journal mode is ${mode}, not wal` }];
}

async function checkContents(
  db: DatabaseSync,
  ledger: Ledger,
  history: SealedHistory,
  sealed: SealedIdentities,
): Promise<Finding[]> {
  const check = new ContentsCheck(ledger);
  const sources = sealed.runs.map((run) => check.filtered(runRows(db, run.id), run, history.filter(run.id)));
  const rows = mergeSorted(sources, compareRows);
  let next = rows.next();
  for (let device = 0; device < ledger.devices.count; device++) {
    const own: BlockRow[] = [];
    for (; !next.done && next.value.device === device; next = rows.next()) own.push(next.value);
    check.device(device, own);
    if (device % DEVICES_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (!next.done) check.fault(`history names device ${next.value.device}, which does not exist`);
  return check.findings();
}

function policyOf(db: DatabaseSync): PartialRule {
  const row = db.prepare("SELECT value FROM meta WHERE key = 'partial'").get() as
    | { value: string }
    | undefined;
  if (row === undefined) throw new PisyncError('store_damaged', { detail: 'the store names no policy' });
  return row.value as PartialRule;
}

class ContentsCheck {
  readonly #ledger: Ledger;
  readonly #seen: Uint8Array;
  readonly #row = new Float64Array(SYNC_STATE_LENGTH);
  readonly #hours = new HourlyTotals();
  readonly #faults = new Faults('contents');
  #events = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#seen = new Uint8Array(Math.ceil(ledger.tail.nextPosition / 8));
  }

  fault(detail: string): void {
    this.#faults.add(detail);
  }

  /** Passes a run's rows on, and checks that its filter and its range of times hold each of them. */
  *filtered(rows: Iterable<BlockRow>, run: Run, filter: Uint8Array | null): Generator<BlockRow, void> {
    const identities = filter === null ? null : new IdentityFilter(filter);
    for (const row of rows) {
      if (row.hashed && identities?.mayHold(row.hashHigh, row.hashLow) === false) {
        this.fault(`the filter of run ${run.id} denies position ${row.position}`);
      }
      if (row.timestamp < run.minTimestamp || row.timestamp > run.maxTimestamp) {
        this.fault(`position ${row.position} is outside of the times of run ${run.id}`);
      }
      yield row;
    }
  }

  device(device: number, rows: readonly BlockRow[]): void {
    const { devices } = this.#ledger;
    // Of the tail nothing can be wrong: what is known about it was just derived from it.
    for (const row of rows) {
      if (!row.hashed || row.eventId !== null || devices.mayHoldDigest(device, row.deviceTime as number))
        continue;
      this.fault(`${devices.id(device)}: position ${row.position} would be taken as new if it came again`);
    }
    const events: StoredInput[] = [...tailOf(this.#ledger, device), ...rows];
    for (const event of events) {
      this.#position(event.position, device);
      this.#hours.add(event);
    }
    this.#numbers(device, events, devices.rows(device)[devices.base(device) + F.otherNumbers] as number);
    foldInOrder(this.#row, 0, events, this.#ledger.partial);
    const kept = devices.rows(device);
    const base = devices.base(device);
    if (!mayBeContacts(kept, base, this.#row)) this.fault(`${devices.id(device)}: was not seen then`);
    for (const [name, field] of Object.entries(F)) {
      if (!notOfEvents.includes(field) && !Object.is(kept[base + field], this.#row[field])) {
        this.fault(
          `${devices.id(device)}: ${name} is ${kept[base + field]}, its events give ${this.#row[field]}`,
        );
      }
    }
  }

  /**
   * The ranges of seen numbers hold each of the events' once, and as many others as telemetry and detections used: one too
   * many would refuse a new observation as known.
   */
  #numbers(device: number, events: readonly StoredInput[], others: number): void {
    const seen = this.#ledger.devices.epochs(device).map((epoch) => epoch.seen);
    const found: SeqSet[] = seen.map(() => []);
    for (const { epochIndex, seq } of events) {
      const set = found[epochIndex - 1];
      const noted = seq === null || (set !== undefined && hasSeq(seen[epochIndex - 1] as SeqSet, seq));
      if (noted && (seq === null || addSeq(set as SeqSet, seq))) continue;
      this.fault(
        `${this.#ledger.devices.id(device)}: number ${seq} of epoch ${epochIndex} is there twice or not noted`,
      );
    }
    if (countOf(seen) === countOf(found) + others) return;
    this.fault(`${this.#ledger.devices.id(device)}: the numbers it has sent are noted wrongly`);
  }

  #position(position: number, device: number): void {
    this.#events += 1;
    const bit = 1 << (position & 7);
    const byte = position >>> 3;
    if (((this.#seen[byte] ?? 0xff) & bit) !== 0) {
      this.fault(`position ${position} of ${this.#ledger.devices.id(device)} is there twice or out of range`);
      return;
    }
    this.#seen[byte]! |= bit;
  }

  findings(): Finding[] {
    const { hours } = this.#ledger;
    const all = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
    if (JSON.stringify(hours.between(...all)) !== JSON.stringify(this.#hours.between(...all))) {
      this.fault('the hourly sums are not those of the events');
    }
    const expected = this.#ledger.tail.nextPosition - 1;
    if (this.#events !== expected)
      this.fault(`${this.#events} events are there where ${expected} were stored`);
    return this.#faults.findings(
      `${expected} events of ${this.#ledger.devices.count} devices: each there once; states, sums, numbers and filters equal the events`,
    );
  }
}

function countOf(sets: readonly SeqSet[]): number {
  let count = 0;
  for (const set of sets) {
    for (let at = 0; at < set.length; at += 2) count += (set[at + 1] as number) - (set[at] as number) + 1;
  }
  return count;
}
