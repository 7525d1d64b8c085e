import { deviceKind, scramble } from './fleet-events.ts';

const firstTime = Math.floor((Date.now() - 25 * 86_400_000) / 60_000) * 60_000;

/** A device whose detections are sent by themselves. */
export function listenerName(device: number): string {
  return `listen-${String(device).padStart(4, '0')}`;
}

/** A device that counts detections and telemetry together and sends them in envelopes. */
export function countingName(device: number): string {
  return `count-${String(device).padStart(4, '0')}`;
}

/** Of the observations of a counting device every second one is a detection, the others are telemetry. */
export function isDetection(seq: number): boolean {
  return seq % 2 === 0;
}

/** When the device observed something, different for each of its observations; late ones are frequent. */
export function observedAt(device: number, seq: number): number {
  return firstTime + (seq ^ 15) * 1000 + (device % 1000);
}

/** Number of an observation by its time. */
export function observedSeq(device: number, time: number): number {
  return ((time - (device % 1000) - firstTime) / 1000) ^ 15;
}

/** What a detection says beside its time: a few hundred networks around one place, a third of them by two names. */
export function heardBy(device: number, seq: number): Record<string, unknown> {
  const draw = scramble(device + 7, seq);
  const network = draw % 300;
  const hex = network.toString(16).padStart(4, '0').toUpperCase();
  return {
    type: network % 5 === 0 ? 'ble' : 'wifi',
    identity: `00:1A:2B:00:${hex.slice(0, 2)}:${hex.slice(2)}`,
    name: `net ${network}${network % 3 === 0 && draw % 2 === 0 ? ' guest' : ''}`,
    signal_dbm: -30 - (draw % 60),
    lat: 52.4 + (draw % 2000) / 10_000,
    lon: 13.2 + (draw % 3000) / 10_000,
  };
}

/** A detection that is sent by itself, recognised as the events of the device with this number are. */
export function wireDetection(device: number, seq: number): Record<string, unknown> {
  const kind = deviceKind(device);
  return {
    device_id: listenerName(device),
    ...(kind === 'seq' ? { epoch: 'only', seq } : {}),
    ...(kind === 'event_id' ? { event_id: `heard-${seq}` } : {}),
    timestamp: observedAt(device, seq),
    ...heardBy(device, seq),
  };
}

/** Value of the one point that a counted observation of telemetry holds. */
export function countedValue(device: number, seq: number): number {
  return (scramble(device, seq) % 1_000_000) / 1000;
}

/** An observation of an envelope. */
export function wireCounted(device: number, seq: number): Record<string, unknown> {
  const timestamp = observedAt(device, seq);
  return isDetection(seq)
    ? { kind: 'detection', seq, timestamp, ...heardBy(device, seq) }
    : { kind: 'telemetry', seq, timestamp, metric: 'counted', value: countedValue(device, seq) };
}

/** True where a detection of a list says what the fleet sent. */
export function sameDetection(sent: Record<string, unknown>, item: Record<string, unknown>): boolean {
  const position = item['position'] as Record<string, unknown> | null;
  const same = ['type', 'identity', 'name', 'signal_dbm'].every((field) => item[field] === sent[field]);
  return same && position?.['lat'] === sent['lat'] && position?.['lon'] === sent['lon'];
}
