import { addSeq, type SeqSet } from '../../../../core/seq-set.ts';
import { F } from '../../../../core/sync-state.ts';
import type { CopiedDevice } from '../../../../ports/store-copy.ts';
import { splitEpochs } from '../commit/device-rows.ts';
import { unpackState } from '../commit/device-state.ts';
import { OUTBOX_DIGITS, outboxKey } from '../commit/identities.ts';
import { textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';

const DEVICES_AT_ONCE = 500;

interface DeviceRowAnswer {
  readonly device_id: string;
  readonly epochs: string;
  readonly state: Buffer;
}

/** All devices by id, with the numbers that others than events used: those are known by their claims. */
export async function* copiedDevices(session: Session): AsyncGenerator<readonly CopiedDevice[]> {
  let after = '';
  for (;;) {
    const rows = await session.query<DeviceRowAnswer>(
      `SELECT device_id, epochs, state FROM device WHERE device_id > $1 ORDER BY device_id LIMIT ${DEVICES_AT_ONCE}`,
      [after],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.device_id;
    const devices = rows.map(({ device_id: deviceId, epochs, state }) => ({
      deviceId,
      epochs: splitEpochs(epochs),
      state: unpackState(state),
    }));
    const others = await otherNumbers(session, devices);
    const numbers = await usedNumbers(
      session,
      devices.filter(({ deviceId }) => others.has(deviceId)),
    );
    yield devices.map((device) => {
      device.state[F.otherNumbers] = others.get(device.deviceId) ?? 0;
      return { ...device, numbers: numbers.get(device.deviceId) ?? [] };
    });
  }
}

interface DeviceEpochs {
  readonly deviceId: string;
  readonly epochs: readonly string[];
}

/** How many numbers others than events used, of those devices where there are any: what is claimed, without the events. */
async function otherNumbers(
  session: Session,
  devices: readonly DeviceEpochs[],
): Promise<ReadonlyMap<string, number>> {
  const outboxes = devices.flatMap(({ deviceId, epochs }) =>
    epochs.map((epoch) => ({ deviceId, key: outboxKey(deviceId, epoch) })),
  );
  const rows = await session.query<{ deviceId: string; others: number }>(
    `SELECT device_id AS "deviceId", claimed.numbers - coalesce(events.numbers, 0) AS others
     FROM (SELECT device_id, count(*) AS numbers FROM unnest($1::text[], $2::text[]) AS outbox (device_id, start)
         JOIN identity ON ${OF_OUTBOX} GROUP BY device_id) AS claimed
       LEFT JOIN (SELECT device_id, count(*) AS numbers FROM sync_event
         WHERE device_id = ANY($1::text[]) AND epoch_index > 0 GROUP BY device_id) AS events USING (device_id)`,
    [textArray(outboxes.map(({ deviceId }) => deviceId)), textArray(outboxes.map(({ key }) => key))],
  );
  return new Map(rows.filter(({ others }) => others > 0).map(({ deviceId, others }) => [deviceId, others]));
}

/** All keys that begin as an outbox does. */
const OF_OUTBOX = `key >= rpad(start, 32, '0')::uuid AND key <= rpad(start, 32, 'f')::uuid`;

/** The claimed numbers of some devices, of whatever kind: a key begins with its epoch and ends with its number. */
async function usedNumbers(
  session: Session,
  devices: readonly DeviceEpochs[],
): Promise<ReadonlyMap<string, readonly SeqSet[]>> {
  const found = new Map<string, SeqSet[]>();
  const outboxes: string[] = [];
  const sets: SeqSet[] = [];
  for (const { deviceId, epochs } of devices) {
    const own = epochs.map((epoch): SeqSet => {
      outboxes.push(outboxKey(deviceId, epoch));
      const set: SeqSet = [];
      sets.push(set);
      return set;
    });
    found.set(deviceId, own);
  }
  if (outboxes.length === 0) return found;
  const rows = await session.query<{ place: number; key: string }>(
    `SELECT place, key FROM unnest($1::text[]) WITH ORDINALITY AS outbox (start, place)
       JOIN identity ON ${OF_OUTBOX}`,
    [textArray(outboxes)],
  );
  for (const { place, key } of rows) {
    addSeq(sets[place - 1] as SeqSet, Number.parseInt(key.slice(OUTBOX_DIGITS), 16));
  }
  return found;
}
