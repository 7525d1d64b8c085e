import { scramble } from './fleet-events.ts';

const firstTime = Math.floor((Date.now() - 25 * 86_400_000) / 60_000) * 60_000;

/** What a device measures, each with values of one kind. */
export const metrics = ['load', 'on', 'mode'] as const;

/** A point as the fleet made it. */
export interface FleetPoint {
  readonly metric: (typeof metrics)[number];
  /** Epoch milliseconds. */
  readonly time: number;
  readonly value: number | boolean | string;
}

export function telemetryDevice(device: number): string {
  return `tele-${String(device).padStart(4, '0')}`;
}

/** A function of device and number alone. Within every sixteen points time runs backwards, so that late points are frequent. */
export function pointOf(device: number, seq: number): FleetPoint {
  const draw = scramble(device, seq);
  const values = [(draw % 100_000) / 100, draw % 2 === 0, `mode ${draw % 7}`] as const;
  const kind = seq % 3;
  return {
    metric: metrics[kind] as FleetPoint['metric'],
    time: firstTime + (seq ^ 15) * 1000 + (device % 1000),
    value: values[kind] as FleetPoint['value'],
  };
}

/** Number of a point by its time: every point of a device has its own. */
export function pointAt(device: number, time: number): number {
  return ((time - (device % 1000) - firstTime) / 1000) ^ 15;
}

export function wirePoint(device: number, seq: number): Record<string, unknown> {
  const { metric, time, value } = pointOf(device, seq);
  return { device_id: telemetryDevice(device), metric, timestamp: time, value };
}

/** The point in line protocol; times are milliseconds. */
export function pointLine(device: number, seq: number): string {
  const { metric, time, value } = pointOf(device, seq);
  const shown = typeof value === 'string' ? `"${value}"` : String(value);
  return `${metric},host=${telemetryDevice(device)} value=${shown} ${time}`;
}
