import { hash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { addSeq, type SeqSet } from '../../../../core/seq-set.ts';
import { SYNC_STATE_LENGTH } from '../../../../core/sync-state.ts';
import type { HourTotals } from '../../../../ports/store.ts';
import type { CopiedDevice, CopiedQuarantine, StoreSnapshot } from '../../../../ports/store-copy.ts';
import { ByteWriter } from '../../sealed/bytes.ts';
import { type BlockRow, compareRows } from '../format/block.ts';
import { type DeviceEpoch, packPage, writeEpochs } from '../state/device-page.ts';
import { mergeSorted, runRows, SealedHistory } from '../state/sealed-history.ts';
import type { CopiedDeviceTable } from './copied-device-table.ts';
import { writeSeries } from './point-runs.ts';

/** Devices of one page; see state/device-table.ts. */
const PAGE_DEVICES = 256;

/**
 * Writes all that a store keeps beside events, points and detections. Within one transaction, in the place of
 * what is there.
 */
export async function writeRest(
  db: DatabaseSync,
  devices: CopiedDeviceTable,
  snapshot: StoreSnapshot,
): Promise<void> {
  const states = new Map<string, CopiedDevice>();
  for await (const batch of snapshot.devices()) {
    for (const device of batch) {
      states.set(device.deviceId, device);
      devices.intern(device.deviceId);
    }
  }
  writePages(db, devices, states);
  const putMeta = db.prepare('INSERT OR REPLACE INTO meta (key, value, data) VALUES (?, ?, ?)');
  putMeta.run('position', snapshot.heads.position + 1, null);
  if (snapshot.partial !== null) putMeta.run('partial', snapshot.partial, null);
  putMeta.run('hours', 0, hourRows(await snapshot.hours()));
  await writeQuarantine(db, await snapshot.quarantine());
  await writeSeries(db, snapshot);
}

/** What of a device's own follows from its events alone. */
interface FromEvents {
  readonly seen: SeqSet[];
  digestTime: number;
}

/** Goes through all events once, sorted by device, and writes a page whenever its devices are complete. */
function writePages(
  db: DatabaseSync,
  devices: CopiedDeviceTable,
  states: ReadonlyMap<string, CopiedDevice>,
): void {
  const put = db.prepare('INSERT OR REPLACE INTO device_page (page, applied, data) VALUES (?, 0, ?)');
  const sources = new SealedHistory(db).liveRuns().map(({ id }) => runRows(db, id));
  const rows = mergeSorted(sources, compareRows);
  let next = rows.next();
  for (let first = 0; first < devices.all.length; first += PAGE_DEVICES) {
    const page = new PageWriter();
    for (const { number, deviceId } of devices.all.slice(first, first + PAGE_DEVICES)) {
      const found: FromEvents = { seen: [], digestTime: Number.NEGATIVE_INFINITY };
      for (; !next.done && next.value.device === number; next = rows.next()) take(found, next.value);
      const device = states.get(deviceId);
      if (device === undefined)
        throw new RangeError(`${deviceId} has events, and the source does not name it`);
      page.add(device, found);
    }
    put.run(first / PAGE_DEVICES, page.pack(first / PAGE_DEVICES));
  }
}

function take(found: FromEvents, row: BlockRow): void {
  if (row.seq !== null) {
    while (found.seen.length < row.epochIndex) found.seen.push([]);
    addSeq(found.seen[row.epochIndex - 1] as SeqSet, row.seq);
  }
  if (row.hashed && row.eventId === null) {
    found.digestTime = Math.max(found.digestTime, row.deviceTime as number);
  }
}

/** One page of devices, in the order in which they are added. */
class PageWriter {
  readonly #devices: CopiedDevice[] = [];
  readonly #epochs: DeviceEpoch[][] = [];
  readonly #digestTimes: number[] = [];

  add(device: CopiedDevice, { seen, digestTime }: FromEvents): void {
    const sets = device.numbers.length > 0 ? device.numbers : seen;
    this.#devices.push(device);
    this.#epochs.push(
      device.epochs.map((name, at) => {
        const numbers = sets[at] ?? [];
        if (numbers.length === 0) throw new RangeError(`epoch ${name} of ${device.deviceId} has no number`);
        return { name, seen: [...numbers] };
      }),
    );
    this.#digestTimes.push(digestTime);
  }

  pack(page: number): Buffer {
    const head = new ByteWriter(16_384);
    const count = this.#devices.length;
    head.varint(count);
    for (const { deviceId } of this.#devices) {
      head.reserve(1 + deviceId.length);
      head.ascii(deviceId);
    }
    for (const epochs of this.#epochs) writeEpochs(head, epochs);
    const rows = new Float64Array(count * SYNC_STATE_LENGTH);
    for (const [at, { state }] of this.#devices.entries()) rows.set(state, at * SYNC_STATE_LENGTH);
    return packPage({
      page,
      count,
      head: new Uint8Array(head.written()),
      rows,
      digestTimes: Float64Array.from(this.#digestTimes),
    });
  }
}

/** As `HourlyTotals.toRows` gives them. */
function hourRows(hours: readonly HourTotals[]): Uint8Array {
  const rows = hours.flatMap(({ hour, syncs, partial, failed, files, errors, bytes }) => [
    hour,
    syncs,
    partial,
    failed,
    files,
    errors,
    bytes,
  ]);
  return new Uint8Array(Float64Array.from(rows).buffer);
}

async function writeQuarantine(db: DatabaseSync, { lastId, items }: CopiedQuarantine): Promise<void> {
  db.exec('DELETE FROM quarantine');
  const put = db.prepare(
    `INSERT INTO quarantine
       (id, fingerprint, received_at, last_received_at, count, device_id, code, field, detail, source, raw, truncated)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for await (const item of items) {
    const { id, receivedAt, lastReceivedAt, count, deviceId, code, field, detail, source, raw } = item;
    const fingerprint = hash('sha256', JSON.stringify([deviceId, code, raw]), 'hex');
    const truncated = item.truncated ? 1 : 0;
    put.run(
      id,
      fingerprint,
      receivedAt,
      lastReceivedAt,
      count,
      deviceId,
      code,
      field,
      detail,
      source,
      raw,
      truncated,
    );
  }
  // Ids go on behind the last one that was ever given.
  db.prepare("DELETE FROM sqlite_sequence WHERE name = 'quarantine'").run();
  db.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('quarantine', ?)").run(lastId);
}
