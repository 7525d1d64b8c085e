import type { PointBatch } from '@pisync/protocol';
import { believableTimes, type PointClock, settleTimes } from '../../core/telemetry/point-clock.ts';
import { POINTS_PER_ITEM } from '../ingest/ingest.ts';

/**
 * Corrects the times of points, in place, device by device.
 *
 * @returns the device of each item's worth of points
 */
export function settlePoints(batch: PointBatch, clock: PointClock): readonly string[] {
  const { series, seriesOf, times, count } = batch;
  const devices = new Map<string, number>();
  const deviceOf = Int32Array.from(series, ({ deviceId }) => {
    const known = devices.get(deviceId);
    if (known !== undefined) return known;
    devices.set(deviceId, devices.size);
    return devices.size - 1;
  });
  const points = new Uint32Array(devices.size);
  const { earliest, latest } = believableTimes(clock);
  /** Places of the points whose time cannot be right, by device: one pass, whatever the number of devices. */
  const odd = new Map<number, number[]>();
  for (let at = 0; at < count; at++) {
    const device = deviceOf[seriesOf[at] as number] as number;
    points[device]! += 1;
    const time = times[at] as number;
    if (time >= earliest && time <= latest) continue;
    const places = odd.get(device);
    if (places === undefined) odd.set(device, [at]);
    else places.push(at);
  }
  for (const places of odd.values()) settleTimes(times, places, clock);
  const owners: string[] = [];
  for (const [deviceId, device] of devices) {
    for (let items = Math.ceil((points[device] as number) / POINTS_PER_ITEM); items > 0; items--)
      owners.push(deviceId);
  }
  return owners;
}
