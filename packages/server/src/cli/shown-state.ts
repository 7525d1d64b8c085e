import type { SyncStatus } from '@pisync/protocol';
import type { DeviceState } from '../ports/store.ts';
import { printable } from './printable.ts';
import type { Cell } from './table.ts';
import type { Style } from './terminal.ts';

const stateStyles: Readonly<Record<DeviceState, Style>> = {
  ok: 'good',
  warning: 'warning',
  failing: 'bad',
  silent: 'quiet',
};
const statusStyles: Readonly<Record<SyncStatus, Style>> = {
  success: 'good',
  partial: 'warning',
  failed: 'bad',
};

/** A device's state, painted; also one that a newer server invented. */
export function stateCell(state: DeviceState): Cell {
  return { text: printable(state), style: stateStyles[state] };
}

/** A sync's outcome, painted. */
export function statusCell(status: SyncStatus): Cell {
  return { text: printable(status), style: statusStyles[status] };
}

/** A number that is worth a look unless it is zero. */
export function countCell(value: number, style: Style): Cell {
  return { text: value.toLocaleString('en-US'), style: value > 0 ? style : undefined };
}
