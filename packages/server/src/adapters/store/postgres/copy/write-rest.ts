import { PisyncError } from '@pisync/protocol';
import type { HourTotals, QuarantinedItem } from '../../../../ports/store.ts';
import type { CopiedDevice, CopiedQuarantine, StoreSnapshot } from '../../../../ports/store-copy.ts';
import { countedClaim } from '../commit/identities.ts';
import { quarantineKey } from '../commit/quarantine-rows.ts';
import { writeDeviceRows } from '../commit/write-devices.ts';
import { numberArray, storableText } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import { copyIn } from '../wire/copy-in.ts';
import { CopyRows } from '../wire/copy-rows.ts';
import { writeSeries } from './write-points.ts';

/** Rows that are sent in one go. */
const AT_ONCE = 50_000;
const ITEMS_AT_ONCE = 200;

/**
 * Writes all that a store keeps beside events, points and detections: within one transaction, in the place of what is there.
 *
 * @param isFirst - nothing of this was written yet
 */
export async function writeRest(session: Session, snapshot: StoreSnapshot, isFirst: boolean): Promise<void> {
  const [store] = await session.query<{ position: number }>(
    'SELECT position FROM store WHERE id = 1 FOR UPDATE',
  );
  if (isFirst && store?.position !== 0)
    throw new PisyncError('store_damaged', {
      detail:
        'A server had the target open before it began to be filled, and has committed to it. Begin anew in an empty schema.',
    });
  await session.query('TRUNCATE device, sync_hour, quarantine');
  const numbers = new UsedNumbers(session);
  await numbers.begin();
  for await (const devices of snapshot.devices()) {
    await writeDeviceRows(
      session,
      devices.map(({ deviceId, epochs, state }) => ({
        deviceId,
        epochs: [...epochs],
        state,
        isNew: true,
      })),
    );
    for (const device of devices) await numbers.add(device);
  }
  await numbers.end();
  await writeHours(session, await snapshot.hours());
  await writeQuarantine(session, await snapshot.quarantine());
  await writeSeries(session, snapshot);
  const { position, ordinal, series } = snapshot.heads;
  await session.query(
    `UPDATE store SET position = $1::bigint, detection_ordinal = $2::bigint, series = $3::bigint, partial = $4 WHERE id = 1`,
    [position, ordinal, series, snapshot.partial],
  );
}

/**
 * Claims the numbers that telemetry used. Those of events and detections may be among what comes: they are claimed already, with
 * their bodies.
 */
class UsedNumbers {
  readonly #session: Session;
  #rows = new CopyRows();

  constructor(session: Session) {
    this.#session = session;
  }

  async begin(): Promise<void> {
    await this.#session.query('CREATE TEMPORARY TABLE used_number (key uuid NOT NULL) ON COMMIT DROP');
  }

  async add({ deviceId, epochs, numbers }: CopiedDevice): Promise<void> {
    for (const [at, ranges] of numbers.entries()) {
      const epoch = epochs[at] as string;
      for (let range = 0; range < ranges.length; range += 2) {
        const to = ranges[range + 1] as number;
        for (let seq = ranges[range] as number; seq <= to; seq++) {
          this.#rows.row(1);
          this.#rows.uuid(countedClaim({ deviceId, epoch, seq, from: 0, to: 0 }).key);
          if (this.#rows.count >= AT_ONCE) await this.#send();
        }
      }
    }
  }

  async #send(): Promise<void> {
    if (this.#rows.count === 0) return;
    await copyIn(this.#session, 'pg_temp.used_number (key)', this.#rows.end());
    this.#rows = new CopyRows();
  }

  async end(): Promise<void> {
    await this.#send();
    await this.#session.query(
      'INSERT INTO identity (key) SELECT key FROM pg_temp.used_number ORDER BY key ON CONFLICT DO NOTHING',
    );
  }
}

const time = (place: string) => `timestamptz 'epoch' + ${place} * interval '1 millisecond'`;

async function writeHours(session: Session, hours: readonly HourTotals[]): Promise<void> {
  const column = (of: (hour: HourTotals) => number) => numberArray(hours.map(of));
  await session.query(
    `INSERT INTO sync_hour (hour, syncs, partial, failed, files, errors, bytes)
     SELECT ${time('hour')}, syncs, partial, failed, files, errors, bytes
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
       AS t (hour, syncs, partial, failed, files, errors, bytes)`,
    [
      column(({ hour }) => hour),
      column(({ syncs }) => syncs),
      column(({ partial }) => partial),
      column(({ failed }) => failed),
      column(({ files }) => files),
      column(({ errors }) => errors),
      column(({ bytes }) => bytes),
    ],
  );
}

async function writeQuarantine(session: Session, { lastId, items }: CopiedQuarantine): Promise<void> {
  let rows = new CopyRows();
  const send = async () => {
    if (rows.count > 0) await copyIn(session, QUARANTINE, rows.end());
    rows = new CopyRows();
  };
  for await (const item of items) {
    addItem(rows, item);
    if (rows.count >= ITEMS_AT_ONCE) await send();
  }
  await send();
  // Ids go on behind the last one that was ever given.
  if (lastId > 0)
    await session.query("SELECT setval(pg_get_serial_sequence('quarantine', 'id'), $1::bigint)", [lastId]);
}

const QUARANTINE =
  'quarantine (id, key, received_at, last_received_at, count, device_id, code, field, detail, source, raw, truncated)';
const QUARANTINE_FIELDS = 12;
/** As COPY takes a `boolean`. */
const TRUE = Uint8Array.of(1);
const FALSE = Uint8Array.of(0);

function addItem(rows: CopyRows, item: QuarantinedItem): void {
  const text = (value: string | null) => rows.text(value === null ? null : storableText(value));
  rows.row(QUARANTINE_FIELDS);
  rows.bigint(item.id);
  rows.uuid(quarantineKey(item));
  rows.time(item.receivedAt);
  rows.time(item.lastReceivedAt);
  rows.bigint(item.count);
  text(item.deviceId);
  text(item.code);
  text(item.field);
  text(item.detail);
  text(item.source);
  text(item.raw);
  rows.bytes(item.truncated ? TRUE : FALSE);
}
