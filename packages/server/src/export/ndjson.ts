import type { NetworkRecord, StoredDetection } from '../ports/detection-store.ts';
import { jsonString, plainJson } from './table/json-text.ts';
import { textWriter } from './text-stream.ts';
import { timeText } from './time-text.ts';

/**
 * Detections as they can be posted, one on a line: exactly what the device sent, in the names of the wire, so that they are duplicates
 * when they are sent again. Hence `timestamp` is the device's own time here; what the server added (the corrected time, the time of
 * receipt, the vendor) is missing, and so is `sent_at`, which belongs to an attempt and would be wrong in the next one. A detection that
 * was sent without any identity has none here either: sent again, it is a new one.
 */
export const detectionLines = textWriter<StoredDetection>(() => ({
  head: '',
  row: detectionLine,
  tail: () => '',
}));

/** Networks, one on a line, in the names that `GET /api/networks` has. */
export const networkLines = textWriter<NetworkRecord>(({ vendorOf }) => ({
  head: '',
  row: (network) => networkLine(network, network.type === 'cellular' ? null : vendorOf(network.identity)),
  tail: () => '',
}));

/** The alphabets of ids, types, addresses and security names need no escapes. */
function detectionLine(detection: StoredDetection): string {
  const { deviceTime, epoch, seq, eventId, security, position, metadata } = detection;
  let line = `{"device_id":"${detection.deviceId}","type":"${detection.type}","identity":"${detection.identity}"`;
  if (deviceTime !== null) line += `,"timestamp":"${timeText(deviceTime)}"`;
  line += textField('name', detection.name);
  if (security !== null) line += `,"security":"${security}"`;
  line += numberField('channel', detection.channel);
  line += numberField('frequency_mhz', detection.frequencyMhz);
  line += numberField('signal_dbm', detection.signalDbm);
  if (position !== null) line += positionField(position);
  line += textField('capabilities', detection.capabilities);
  if (metadata !== null) line += `,"metadata":${plainJson(metadata)}`;
  line += textField('epoch', epoch);
  line += numberField('seq', seq);
  line += textField('event_id', eventId);
  return `${line}}\n`;
}

function positionField(position: NonNullable<StoredDetection['position']>): string {
  const { lat, lon, altitude, accuracy, heading, speed } = position;
  const rest =
    numberField('altitude', altitude) +
    numberField('accuracy', accuracy) +
    numberField('heading', heading) +
    numberField('speed', speed);
  return `,"position":{"lat":${lat},"lon":${lon}${rest}}`;
}

function textField(name: string, value: string | null): string {
  return value === null ? '' : `,"${name}":${jsonString(value)}`;
}

function numberField(name: string, value: number | null): string {
  return value === null ? '' : `,"${name}":${value}`;
}

function networkLine(network: NetworkRecord, vendor: string | null): string {
  const { type, identity, strongest, position } = network;
  const place =
    strongest === null || strongest.lat === null || strongest.lon === null
      ? null
      : { lat: strongest.lat, lon: strongest.lon };
  const line = JSON.stringify({
    id: `${type}:${identity}`,
    type,
    identity,
    vendor,
    name: network.name,
    security: network.security,
    channel: network.channel,
    frequency_mhz: network.frequencyMhz,
    first_seen_at: timeText(network.firstSeenAt),
    last_seen_at: timeText(network.lastSeenAt),
    detections: network.detections,
    strongest: strongest === null ? null : { signal_dbm: strongest.signalDbm, position: place },
    position: position && { lat: position.lat, lon: position.lon, observations: position.observations },
  });
  return `${plainJson(line)}\n`;
}
