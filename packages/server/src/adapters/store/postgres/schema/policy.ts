import { PisyncError } from '@pisync/protocol';
import type pg from 'pg';
import type { PartialRule } from '../../../../core/fold.ts';
import { foldInOrder, notOfEvents } from '../../../../core/fold.ts';
import type { DeviceRow } from '../commit/device-state.ts';
import { writeDeviceRows } from '../commit/write-devices.ts';
import type { Database } from '../connection/database.ts';
import { type Session, sessionOf } from '../connection/session.ts';
import { countFailures } from '../failures/failure-counts.ts';
import { storedDevices } from '../queries/stored-devices.ts';

/** Devices that are written in one go. */
const DEVICES_AT_ONCE = 1_000;

/**
 * Makes the derived state follow from a policy: folds all that is stored again where it was made by another one. Minutes for
 * many millions of events, in which no other process commits; runs only when the operator has changed `partial_counts_as`.
 */
export async function adoptPolicy(
  client: pg.Client,
  database: Database,
  partial: PartialRule,
): Promise<void> {
  await client.query(`${database.begin('write')}; SET LOCAL statement_timeout = 0`);
  const session = sessionOf(client);
  const [row] = await session.query<{ partial: PartialRule | null }>(
    'SELECT partial FROM store WHERE id = 1 FOR UPDATE',
  );
  await session.query(FORGET_WRITERS);
  if (row?.partial !== partial) {
    if (row?.partial !== null) {
      await refuseWithoutEvents(session);
      await refold(session, partial);
    }
    await session.query('UPDATE store SET partial = $1, last_writer = NULL WHERE id = 1', [partial]);
  }
  await countFailures(session, row?.partial !== partial);
  await client.query('COMMIT');
}

/** Processes that have not committed for so long have ended: nobody asks for what became of their commits. */
const FORGET_WRITERS = "DELETE FROM writer WHERE at < now() - interval '30 days'";

/** What was counted of events that a policy has dropped cannot be counted again. */
async function refuseWithoutEvents(session: Session): Promise<void> {
  const [found] = await session.query<{ dropped: boolean }>(
    'SELECT position > (SELECT count(*) FROM sync_event) AS dropped FROM store WHERE id = 1',
  );
  if (found?.dropped !== true) return;
  throw new PisyncError('invalid_config', {
    field: 'partial_counts_as',
    detail:
      'Old events were dropped (events_retention), so that failures cannot be counted by another rule. Set it back.',
  });
}

async function refold(session: Session, partial: PartialRule): Promise<void> {
  let changed: DeviceRow[] = [];
  for await (const { deviceId, epochs, state, events } of storedDevices(session)) {
    const kept = notOfEvents.map((field) => [field, state[field] as number] as const);
    foldInOrder(state, 0, events, partial);
    for (const [field, value] of kept) state[field] = value;
    changed.push({ deviceId, epochs: [...epochs], state, isNew: false });
    if (changed.length < DEVICES_AT_ONCE) continue;
    await writeDeviceRows(session, changed);
    changed = [];
  }
  await writeDeviceRows(session, changed);
}
