import { syncStatus } from '@pisync/protocol';
import {
  type DeviceQuery,
  type DeviceRecord,
  type DeviceState,
  deviceState,
  type StateRule,
  toDeviceRecord,
} from '../../../../core/device.ts';
import { type DeviceRows, selectDevices } from '../../../../core/device-select.ts';
import { compareHistory, type HistoryFilter, matchesHistory } from '../../../../core/history.ts';
import { F } from '../../../../core/sync-state.ts';
import type { DevicePage, FleetSummary } from '../../../../ports/store.ts';
import type { BlockRow } from '../format/block.ts';
import { RecordView } from '../format/record.ts';
import type { Engine } from './engine.ts';
import type { Ledger } from './ledger.ts';

/** Events that a statistic reads at most. */
export const SCAN_LIMIT = 100_000;

/** What the writer knows of a device's history: its newest part, and where the rest lies. */
export interface TailAnswer {
  readonly device: number;
  readonly total: number;
  /** Names of the device's epochs, in order. */
  readonly epochs: readonly string[];
  /** Which opening of the store this is of. */
  readonly generation: number;
  /** Live runs at this moment. */
  readonly runs: readonly number[];
  /** Matching rows of the tail, newest first, at most as many as were asked for. */
  readonly rows: readonly BlockRow[];
}

/** The matching rows of the tail and the runs to read on in, as of one moment. */
export function queryTail(
  engine: Engine,
  deviceId: string,
  filter: HistoryFilter,
  most: number,
): Omit<TailAnswer, 'generation'> | null {
  const { ledger, sealed } = engine;
  const device = ledger.devices.findText(deviceId);
  if (device < 0) return null;
  return {
    device,
    total: ledger.devices.rows(device)[ledger.devices.base(device) + F.syncs] as number,
    epochs: ledger.devices.epochs(device).map((epoch) => epoch.name),
    runs: sealed.runs.map((run) => run.id),
    rows: tailRows(ledger, device, filter, most),
  };
}

function tailRows(ledger: Ledger, device: number, filter: HistoryFilter, most: number): BlockRow[] {
  const view = new RecordView();
  let rows: BlockRow[] = [];
  const newestFirst = (a: BlockRow, b: BlockRow): number => compareHistory(b, a);
  ledger.tail.walk(ledger.devices.head(device), view, (position) => {
    if (matchesHistory(filter, view, syncStatus(view.totalFilesSynced, view.totalErrors))) {
      rows.push(copyRow(view, device, position));
      // A device with a very long tail: keep what can still be on the page.
      if (rows.length > 2 * most + 1024) rows = rows.sort(newestFirst).slice(0, most);
    }
    return true;
  });
  return rows.sort(newestFirst).slice(0, most);
}

function copyRow(view: RecordView, device: number, position: number): BlockRow {
  return {
    device,
    position,
    timestamp: view.timestamp,
    receivedAt: view.receivedAt,
    clockQuality: view.clockQuality,
    deviceTime: view.deviceTime,
    sentAt: view.sentAt,
    epochIndex: view.epochIndex,
    seq: view.seq,
    tie: view.tie,
    totalFilesSynced: view.totalFilesSynced,
    totalErrors: view.totalErrors,
    internetSpeed: view.internetSpeed,
    syncDurationMs: view.syncDurationMs,
    bytesSynced: view.bytesSynced,
    eventId: view.eventId,
    metadata: view.metadata,
    hashed: view.hashed,
    hashHigh: view.hashHigh,
    hashLow: view.hashLow,
  };
}

function recordOf(ledger: Ledger, device: number): DeviceRecord {
  const { devices } = ledger;
  return toDeviceRecord(
    devices.id(device),
    devices.rows(device),
    devices.base(device),
    devices.epochs(device).length,
    ledger.partial,
  );
}

export function queryDevice(ledger: Ledger, deviceId: string): DeviceRecord | null {
  const device = ledger.devices.findText(deviceId);
  return device < 0 ? null : recordOf(ledger, device);
}

export function queryDevices(ledger: Ledger, query: DeviceQuery): DevicePage {
  const { devices } = ledger;
  const rows: DeviceRows = {
    blocks: devices.columns(ledger.partial),
    id: (device) => devices.id(device),
  };
  const selection = selectDevices(query, rows);
  return {
    items: selection.devices.map((device) => recordOf(ledger, device)),
    next: selection.next,
    matching: selection.matching,
  };
}

export function queryFleet(ledger: Ledger, rule: StateRule, from: number, to: number): FleetSummary {
  const states: Record<DeviceState, number> = { failing: 0, silent: 0, warning: 0, ok: 0 };
  const { devices } = ledger;
  for (const { count, streak, lastSeen } of devices.columns(ledger.partial)) {
    for (let slot = 0; slot < count; slot++) {
      states[deviceState(streak[slot] as number, lastSeen[slot] as number, rule)] += 1;
    }
  }
  return {
    devices: devices.count,
    states,
    hours: ledger.hours.between(from, to),
    totals: ledger.hours.total(),
  };
}
