/** How a device of the crash fleet makes its events recognisable. */
export type DeviceKind = 'seq' | 'event_id' | 'digest';

/** From this counter on, a device that was set up anew sends under its second epoch. */
export const secondEpochFrom = 40;

const firstTime = Math.floor((Date.now() - 25 * 86_400_000) / 60_000) * 60_000;

export function deviceName(device: number): string {
  return `crash-${String(device).padStart(4, '0')}`;
}

/** Half of the devices count, a quarter choose ids, a quarter have nothing but a timestamp. */
export function deviceKind(device: number): DeviceKind {
  const place = device % 4;
  if (place < 2) return 'seq';
  return place === 2 ? 'event_id' : 'digest';
}

/** Every fourth of the counting devices is set up anew on the way. */
export function hasTwoEpochs(device: number): boolean {
  return device % 8 === 0;
}

export function epochOf(device: number, seq: number): string {
  return hasTwoEpochs(device) && seq >= secondEpochFrom ? 'second' : 'first';
}

/** Two in ten succeed, three are partial, five fail: streaks of some length, and ends of streaks. */
export function outcomeOf(device: number, seq: number): { readonly files: number; readonly errors: number } {
  const draw = scramble(device, seq) % 10;
  if (draw < 2) return { files: seq % 1000, errors: 0 };
  return { files: draw < 5 ? 1 + (seq % 99) : 0, errors: 1 + (seq % 7) };
}

/** Whether an event counts as a failure under the default policy. */
export function fails(device: number, seq: number): boolean {
  return outcomeOf(device, seq).errors > 0;
}

/**
 * The device's clock at an event, different for each event of a device. It runs backwards within every sixteen
 * events: the order of time is not the order of counters.
 */
export function timeOf(device: number, seq: number): number {
  return firstTime + (seq ^ 15) * 60_000 + device;
}

/** The fields of an event as a device sends them: a function of device and counter alone, so a resend is the same. */
export function wireEvent(device: number, seq: number): Record<string, unknown> {
  const { files, errors } = outcomeOf(device, seq);
  const kind = deviceKind(device);
  return {
    device_id: deviceName(device),
    ...(kind === 'seq' ? { epoch: epochOf(device, seq), seq } : {}),
    ...(kind === 'event_id' ? { event_id: `event-${seq}` } : {}),
    timestamp: new Date(timeOf(device, seq)).toISOString(),
    total_files_synced: files,
    total_errors: errors,
    internet_speed: 20 + (seq % 10),
  };
}

/** Counter of a stored event of a device as the history shows it: every event of a device has its own time. */
export function seqAt(device: number, timestamp: number): number {
  return ((timestamp - device - firstTime) / 60_000) ^ 15;
}

/** The same well-mixed number for a device and a counter. */
export function scramble(device: number, seq: number): number {
  let x = (Math.imul(device + 1, 0x9e3779b1) ^ Math.imul(seq + 1, 0x85ebca6b)) >>> 0;
  x ^= x >>> 15;
  x = Math.imul(x, 0x2c1b3c6d) >>> 0;
  return (x ^ (x >>> 12)) >>> 0;
}
