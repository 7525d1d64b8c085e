import { foldContact } from '../../../core/contact.ts';
import type { PartialRule } from '../../../core/fold.ts';
import { F, resetSyncState, SYNC_STATE_LENGTH } from '../../../core/sync-state.ts';
import type { Finding } from '../../../ports/store.ts';
import { foldInto, type KeptEvent, type MemoryDevice } from './memory-device.ts';

/** Derives every device's state again from its events and compares it with the state that was kept at write time. */
export function verifyDevices(devices: Iterable<MemoryDevice>, rule: PartialRule): readonly Finding[] {
  const findings: Finding[] = [];
  let checked = 0;
  for (const device of devices) {
    checked += 1;
    if (!sameNumbers(derive(device, rule), device.row)) {
      findings.push({
        severity: 'error',
        check: 'derived_state',
        detail: `The state of ${device.deviceId} does not follow from its events and contacts.`,
      });
    }
  }
  if (findings.length > 0) return findings;
  return [{ severity: 'ok', check: 'derived_state', detail: `${checked} devices follow from their events.` }];
}

function derive(device: MemoryDevice, rule: PartialRule): Float64Array {
  const row = new Float64Array(SYNC_STATE_LENGTH);
  resetSyncState(row, 0);
  const earlier: KeptEvent[] = [];
  for (const event of device.events) {
    foldInto(row, event, earlier, rule);
    earlier.push(event);
  }
  row[F.conflicts] = device.row[F.conflicts] as number;
  for (const receivedAt of device.contacts) foldContact(row, 0, receivedAt);
  return row;
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  return a.every((value, index) => Object.is(value, b[index]));
}
