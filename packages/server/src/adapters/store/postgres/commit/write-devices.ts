import { F } from '../../../../core/sync-state.ts';
import { numberArray, textArray } from '../connection/arrays.ts';
import type { Session } from '../connection/session.ts';
import type { Statement } from '../wire/script.ts';
import { type DeviceRow, maxStateBytes, packState } from './device-state.ts';

/** What writes devices whole. Sorts them. */
export function deviceStatements(changed: readonly DeviceRow[]): readonly Statement[] {
  const known = changed.filter((device) => !device.isNew);
  const added = changed.filter((device) => device.isNew);
  const statements: Statement[] = [];
  // In the order of the index, which is quicker.
  if (known.length > 0) statements.push({ text: UPDATE_DEVICES, values: valuesOf(known.sort(byId)) });
  if (added.length > 0) statements.push({ text: INSERT_DEVICES, values: valuesOf(added.sort(byId)) });
  return statements;
}

/** Writes devices whole. Sorts them. */
export async function writeDeviceRows(session: Session, changed: readonly DeviceRow[]): Promise<void> {
  for (const { text, values } of deviceStatements(changed)) await session.query(text, values);
}

function byId(a: DeviceRow, b: DeviceRow): number {
  return a.deviceId < b.deviceId ? -1 : 1;
}

function valuesOf(devices: readonly DeviceRow[]): Statement['values'] {
  const states = Buffer.allocUnsafe(devices.length * maxStateBytes);
  const starts: number[] = [];
  const lengths: number[] = [];
  let at = 0;
  for (const { state } of devices) {
    const end = packState(state, states, at);
    // PostgreSQL counts bytes from 1.
    starts.push(at + 1);
    lengths.push(end - at);
    at = end;
  }
  const column = (field: number) => {
    let text = '';
    for (const { state } of devices) text += `,${state[field]}`;
    return `{${text.slice(1)}}`;
  };
  return [
    textArray(devices.map(({ deviceId }) => deviceId)),
    column(F.streak),
    column(F.failed),
    column(F.partial),
    column(F.syncs),
    column(F.lastSeenAt),
    textArray(devices.map(({ epochs }) => epochs.join('\n'))),
    numberArray(starts),
    numberArray(lengths),
    states.subarray(0, at),
  ];
}

const INPUT = `
  SELECT device_id, streak, failed, partial, syncs, timestamptz 'epoch' + seen * interval '1 millisecond' AS seen, epochs,
    substring($10::bytea FROM start FOR length) AS state
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::int[],
    $9::int[]) AS t (device_id, streak, failed, partial, syncs, seen, epochs, start, length)`;

const INSERT_DEVICES = `
  INSERT INTO device (device_id, consecutive_failures, failed, partial, syncs, last_seen_at, epochs, state) ${INPUT}`;

const UPDATE_DEVICES = `
  UPDATE device SET consecutive_failures = streak, failed = input.failed, partial = input.partial, syncs = input.syncs,
    last_seen_at = seen, epochs = input.epochs, state = input.state
  FROM (${INPUT}) AS input WHERE device.device_id = input.device_id`;
