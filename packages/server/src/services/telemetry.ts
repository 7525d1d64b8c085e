import type { PointBatch } from '@pisync/protocol';
import { believableTimes, type PointClock, settleTimes } from '../core/telemetry/point-clock.ts';
import type { RejectedItem } from '../ports/store.ts';
import { type Ingest, POINTS_PER_ITEM } from './ingest.ts';

/** Points that one commit takes at most. */
const COMMIT_POINTS = 65_536;

/** Takes points in: correct their clocks, admit, commit. */
export class Telemetry {
  readonly #ingest: Ingest;

  constructor(ingest: Ingest) {
    this.#ingest = ingest;
  }

  /**
   * Stores the points of a request; what was rejected of it goes to the quarantine with the first of them. When it
   * resolves, all of them are durable.
   *
   * @param batch - its times are corrected in place
   * @throws {PisyncError} `rate_limited` or `overloaded`, before anything is stored; `store_unavailable`
   */
  async take(batch: PointBatch, rejected: readonly RejectedItem[]): Promise<void> {
    const { clock, limits, admission } = this.#ingest;
    const owners = settle(batch, { receivedAt: clock.now(), maxBacklogMs: limits.maxBacklogMs });
    for (const { deviceId } of rejected) owners.push(deviceId);
    admission.admitBatch(owners);
    for (let from = 0; from === 0 || from < batch.count; from += COMMIT_POINTS) {
      const part = batch.count <= COMMIT_POINTS ? batch : partOf(batch, from);
      await this.#ingest.commit([], from === 0 ? rejected : [], part);
    }
  }
}

/** Corrects the times. @returns the device of each item's worth of points */
function settle(batch: PointBatch, clock: PointClock): (string | null)[] {
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

function partOf(batch: PointBatch, from: number): PointBatch {
  const to = Math.min(from + COMMIT_POINTS, batch.count);
  return {
    ...batch,
    count: to - from,
    seriesOf: batch.seriesOf.subarray(from, to),
    times: batch.times.subarray(from, to),
    values: batch.values.subarray(from, to),
    kinds: batch.kinds.subarray(from, to),
  };
}
