import { type DeviceClock, deviceClock } from './clock-fault.ts';
import { type Random, seededRandom } from './random.ts';

/** Everything that decides what a simulated fleet sends: the same plan gives the same events, byte for byte. */
export interface FleetPlan {
  /** Part of every device id: letters, digits and `._-`. */
  readonly seed: string;
  readonly devices: number;
  /** Distinct events; `Infinity` for a fleet that never stops. */
  readonly events: number;
  /** True time of the first event, epoch milliseconds. */
  readonly startMs: number;
  /** True time from one event to the next, milliseconds; may be a fraction. */
  readonly stepMs: number;
  /** Share of syncs that fail, 0 to 1. Half as many devices are broken and fail nearly always. */
  readonly failures: number;
  /** Share of devices whose clock is wrong. */
  readonly clockFaults: number;
  /** Share of events that are sent a second time, later. */
  readonly duplicates: number;
  /** Events among which the order of sending is mixed; 0 keeps it. */
  readonly shuffle: number;
  /** Share of visits in which a device that was offline brings 2 to 48 events at once. */
  readonly backlog: number;
}

/** One event as a device sends it; the names are those of the wire. */
export interface FleetEvent {
  /** Number of the device, from 0. */
  readonly device: number;
  /** What the device's clock shows minus the true time, milliseconds; for stamping `sent_at`. */
  readonly clockOffsetMs: number;
  /** True for a repetition of an event that was produced before. */
  readonly copy: boolean;
  readonly wire: {
    readonly device_id: string;
    readonly epoch: string;
    readonly seq: number;
    readonly timestamp: string;
    readonly total_files_synced: number;
    readonly total_errors: number;
    readonly internet_speed: number;
    readonly sync_duration_ms: number;
    readonly bytes_synced: number;
    readonly metadata: { readonly app_version: string };
  };
}

const hour = 3_600_000;
/** Farthest that a copy lags behind its event, in events. */
const copyLag = 500;

/** Start of all device ids of a fleet. */
export function fleetPrefix(seed: string): string {
  return `sim-${seed}-`;
}

/** Id of the device with this number. */
export function fleetDeviceId(seed: string, device: number): string {
  return fleetPrefix(seed) + String(device).padStart(6, '0');
}

/**
 * The fleet's events in the order of sending. Pure and lazy: it holds one small record per device plus at most
 * `shuffle` + 500 events.
 *
 * Each device counts its events from 0 without a gap in an epoch that depends on the seed and the start, so a
 * second run with another start brings new events of the same devices, and the same plan brings duplicates only.
 */
export function* fleetEvents(plan: FleetPlan): Generator<FleetEvent, void, undefined> {
  const random = seededRandom(`${plan.seed}/order`);
  yield* shuffled(withCopies(originals(plan), plan.duplicates, random), plan.shuffle, random);
}

interface SimulatedDevice {
  readonly id: string;
  readonly epoch: string;
  readonly clock: DeviceClock;
  readonly failure: number;
  readonly version: string;
  seq: number;
  lastMs: number;
}

function createDevice(plan: FleetPlan, device: number): SimulatedDevice {
  const random = seededRandom(`${plan.seed}/device/${device}`);
  const clock = deviceClock(random, plan.clockFaults, plan.startMs);
  const broken = random.chance(plan.failures / 2);
  // What the broken devices leave of the wanted share is spread over all others.
  const rest = (plan.failures - (plan.failures / 2) * 0.95) / (1 - plan.failures / 2);
  return {
    id: fleetDeviceId(plan.seed, device),
    epoch: seededRandom(`${plan.seed}/epoch/${plan.startMs}/${device}`).hex(),
    clock,
    failure: broken ? Math.max(0.95, plan.failures) : Math.min(1, rest),
    version: `2.${random.integer(0, 9)}.${random.integer(0, 20)}`,
    seq: 0,
    lastMs: Number.NEGATIVE_INFINITY,
  };
}

function* originals(plan: FleetPlan): Generator<FleetEvent, void, undefined> {
  const random = seededRandom(`${plan.seed}/visits`);
  const fleet: (SimulatedDevice | undefined)[] = [];
  let produced = 0;
  while (produced < plan.events) {
    const index = random.integer(0, plan.devices - 1);
    fleet[index] ??= createDevice(plan, index);
    const device = fleet[index];
    const size = random.chance(plan.backlog) ? random.integer(2, 48) : 1;
    const visitMs = plan.startMs + Math.floor(produced * plan.stepMs);
    const times = visitTimes(device, visitMs, Math.min(size, plan.events - produced));
    for (const time of times) yield createEvent(device, index, time, random);
    produced += times.length;
  }
}

/** True times of the events that a visit brings: about one an hour while offline, never before the last visit. */
function visitTimes(device: SimulatedDevice, visitMs: number, size: number): number[] {
  const gap = Math.min(hour, Math.max(0, visitMs - device.lastMs) / size);
  const times = Array.from({ length: size }, (_, index) => Math.floor(visitMs - (size - 1 - index) * gap));
  device.lastMs = visitMs;
  return times;
}

function createEvent(device: SimulatedDevice, index: number, trueMs: number, random: Random): FleetEvent {
  const seq = device.seq;
  device.seq += 1;
  const fails = random.chance(device.failure);
  const total_errors = fails ? random.integer(1, 40) : 0;
  const nothing = fails ? random.chance(0.6) : random.chance(0.05);
  const total_files_synced = nothing ? 0 : random.integer(1, 400);
  const clockOffsetMs = device.clock.offset(seq);
  return {
    device: index,
    clockOffsetMs,
    copy: false,
    wire: {
      device_id: device.id,
      epoch: device.epoch,
      seq,
      timestamp: new Date(trueMs + clockOffsetMs).toISOString(),
      total_files_synced,
      total_errors,
      internet_speed: random.integer(1, 900) / 10,
      sync_duration_ms: random.integer(200, 90_000),
      bytes_synced: total_files_synced * random.integer(20_000, 4_000_000),
      metadata: { app_version: device.version },
    },
  };
}

/** Repeats a share of the events a while later, never before their first time. */
function* withCopies(
  events: Iterable<FleetEvent>,
  share: number,
  random: Random,
): Generator<FleetEvent, void, undefined> {
  const waiting: { readonly at: number; readonly event: FleetEvent }[] = [];
  let place = 0;
  for (const event of events) {
    yield event;
    place += 1;
    if (random.chance(share)) {
      waiting.push({ at: place + random.integer(1, copyLag), event: { ...event, copy: true } });
    }
    for (let index = waiting.length - 1; index >= 0; index -= 1) {
      const copy = waiting[index];
      if (copy === undefined || copy.at > place) continue;
      waiting.splice(index, 1);
      yield copy.event;
    }
  }
  for (const { event } of waiting) yield event;
}

/** Mixes the order within a sliding window of `size` events. */
function* shuffled(
  events: Iterable<FleetEvent>,
  size: number,
  random: Random,
): Generator<FleetEvent, void, undefined> {
  const window: FleetEvent[] = [];
  const takeOne = (): FleetEvent => {
    const index = random.integer(0, window.length - 1);
    const chosen = window[index] as FleetEvent;
    window[index] = window.at(-1) as FleetEvent;
    window.pop();
    return chosen;
  };
  for (const event of events) {
    if (size === 0) {
      yield event;
      continue;
    }
    window.push(event);
    if (window.length > size) yield takeOne();
  }
  while (window.length > 0) yield takeOne();
}
