import type { Observation } from '@pisync/protocol';
import type { HistoryKey } from '../../../../core/history.ts';
import { splitEpochs } from '../commit/device-rows.ts';
import { unpackState } from '../commit/device-state.ts';
import type { Session } from '../connection/session.ts';
import { EVENT_COLUMNS, type EventRow, toEvent } from './history.ts';

/** A device with all its events. */
export interface StoredDevice {
  readonly deviceId: string;
  readonly epochs: readonly string[];
  readonly state: Float64Array;
  /** In any order. */
  readonly events: (Observation & HistoryKey & { readonly position: number })[];
}

/** Rows that are fetched in one go. */
const FETCH = 5_000;

interface DeviceRowAnswer {
  readonly device_id: string;
  readonly epochs: string;
  readonly state: Buffer;
}

/** Every device of the store, by id, one after the other; must be used up within the transaction. */
export async function* storedDevices(session: Session): AsyncGenerator<StoredDevice> {
  const events = fetchRows<EventRow>(
    session,
    'events_by_device',
    `SELECT ${EVENT_COLUMNS} FROM sync_event ORDER BY device_id`,
  );
  const devices = fetchRows<DeviceRowAnswer>(
    session,
    'all_devices',
    'SELECT device_id, epochs, state FROM device ORDER BY device_id',
  );
  let next = await events.next();
  for await (const { device_id: deviceId, epochs, state } of devices) {
    const own: StoredDevice['events'] = [];
    while (!next.done && next.value.deviceId === deviceId) {
      const row = next.value;
      own.push({ ...toEvent(row), tie: row.tie });
      next = await events.next();
    }
    yield {
      deviceId,
      epochs: splitEpochs(epochs),
      state: unpackState(state),
      events: own,
    };
  }
}

export async function* fetchRows<R extends object>(
  session: Session,
  cursor: string,
  query: string,
): AsyncGenerator<R> {
  await session.query(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${query}`);
  for (;;) {
    const rows = await session.query<R>(`FETCH ${FETCH} FROM ${cursor}`);
    yield* rows;
    if (rows.length < FETCH) break;
  }
  await session.query(`CLOSE ${cursor}`);
}
