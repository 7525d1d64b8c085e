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
  const deviceOf = numberDevices(series, devices);
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

/** Numbers the devices of the series in `devices`. @returns the number of each series' device */
function numberDevices(series: PointBatch['series'], devices: Map<string, number>): Int32Array {
  const deviceOf = new Int32Array(series.length);
  let before = '';
  let number = -1;
  for (let index = 0; index < series.length; index++) {
    const { deviceId } = series[index] as PointBatch['series'][number];
    // The series of a device mostly come together.
    if (deviceId !== before || number < 0) {
      const known = devices.get(deviceId);
      number = known ?? devices.size;
      if (known === undefined) devices.set(deviceId, number);
      before = deviceId;
    }
    deviceOf[index] = number;
  }
  return deviceOf;
}
