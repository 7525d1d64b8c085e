import { type DetectionType, formatTimestamp, parseJson } from '@pisync/protocol';
import type { Cluster } from '../../core/detections/clusters.ts';
import type { Crossing } from '../../core/detections/geofence.ts';
import type { EvilTwinCandidate } from '../../core/detections/networks/evil-twin.ts';
import type { ScanSession } from '../../core/detections/sessions.ts';
import type {
  GridAnswer,
  NetworkChange,
  NetworkDetail,
  NetworkKey,
  NetworkRecord,
  StoredDetection,
} from '../../ports/detection-store.ts';

/** Who registered a MAC address; null where nobody did or where it is not known. */
export type VendorOf = (mac: string) => string | null;

/** Wire form of one detection: the names are those that are accepted when it is sent. */
export function detectionView(detection: StoredDetection, vendorOf: VendorOf) {
  return {
    device_id: detection.deviceId,
    timestamp: formatTimestamp(detection.timestamp),
    type: detection.type,
    identity: detection.identity,
    vendor: vendor(detection.type, detection.identity, vendorOf),
    name: detection.name,
    security: detection.security,
    channel: detection.channel,
    frequency_mhz: detection.frequencyMhz,
    signal_dbm: detection.signalDbm,
    position: positionView(detection.position),
    capabilities: detection.capabilities,
    metadata: detection.metadata === null ? null : (parseJson(detection.metadata) as unknown),
    device_time: detection.deviceTime === null ? null : formatTimestamp(detection.deviceTime),
    received_at: formatTimestamp(detection.receivedAt),
    clock_quality: detection.clockQuality,
    epoch: detection.epoch,
    seq: detection.seq,
    event_id: detection.eventId,
  };
}

/** Names of the fields of {@link detectionView}. */
export const detectionViewFields = [
  'device_id',
  'timestamp',
  'type',
  'identity',
  'vendor',
  'name',
  'security',
  'channel',
  'frequency_mhz',
  'signal_dbm',
  'position',
  'capabilities',
  'metadata',
  'device_time',
  'received_at',
  'clock_quality',
  'epoch',
  'seq',
  'event_id',
] as const;

function positionView(position: StoredDetection['position']) {
  if (position === null) return null;
  const { lat, lon, altitude, accuracy, heading, speed } = position;
  return { lat, lon, altitude, accuracy, heading, speed };
}

function vendor(type: DetectionType, identity: string, vendorOf: VendorOf): string | null {
  return type === 'cellular' ? null : vendorOf(identity);
}

/** Name of a network in URLs: its type and its identity. */
function networkId({ type, identity }: NetworkKey): string {
  return `${type}:${identity}`;
}

/** Wire form of one network. */
export function networkView(network: NetworkRecord, vendorOf: VendorOf) {
  const { strongest, position } = network;
  return {
    ...networkName(network, vendorOf),
    name: network.name,
    security: network.security,
    channel: network.channel,
    frequency_mhz: network.frequencyMhz,
    first_seen_at: formatTimestamp(network.firstSeenAt),
    last_seen_at: formatTimestamp(network.lastSeenAt),
    detections: network.detections,
    strongest:
      strongest === null
        ? null
        : { signal_dbm: strongest.signalDbm, position: placeView(strongest.lat, strongest.lon) },
    position:
      position === null
        ? null
        : { lat: position.lat, lon: position.lon, observations: position.observations },
  };
}

/** Names of the fields of {@link networkView}. */
export const networkViewFields = [
  'id',
  'type',
  'identity',
  'vendor',
  'name',
  'security',
  'channel',
  'frequency_mhz',
  'first_seen_at',
  'last_seen_at',
  'detections',
  'strongest',
  'position',
] as const;

function networkName(key: NetworkKey, vendorOf: VendorOf) {
  const { type, identity } = key;
  return { id: networkId(key), type, identity, vendor: vendor(type, identity, vendorOf) };
}

function placeView(lat: number | null, lon: number | null) {
  return lat === null || lon === null ? null : { lat, lon };
}

/** Wire form of one network with all that it was seen as. */
export function networkDetailView(network: NetworkDetail, vendorOf: VendorOf) {
  return {
    ...networkView(network, vendorOf),
    variants: network.variants.map(({ name, security, firstSeenAt, lastSeenAt, detections }) => ({
      name,
      security,
      first_seen_at: formatTimestamp(firstSeenAt),
      last_seen_at: formatTimestamp(lastSeenAt),
      detections,
    })),
  };
}

/** Wire form of one change. */
export function changeView(change: NetworkChange, vendorOf: VendorOf) {
  const { kind, timestamp, name, security, before } = change;
  return {
    kind,
    timestamp: formatTimestamp(timestamp),
    ...networkName(change, vendorOf),
    name,
    security,
    before: before === null ? null : { name: before.name, security: before.security },
  };
}

/** Wire form of a network that may pretend to be another one. */
export function evilTwinView({ network, beside, reasons, distance }: EvilTwinCandidate, vendorOf: VendorOf) {
  return {
    network: networkView(network, vendorOf),
    beside: networkView(beside, vendorOf),
    distance_m: distance === null ? null : Math.round(distance),
    reasons: reasons.map(({ code, text }) => ({ code, detail: text })),
  };
}

/** Wire form of a heat map. Positions have six decimals: a tenth of a metre. */
export function heatView(zoom: number, cellZoom: number, grid: GridAnswer) {
  const { x, y, counts, strongest, lats, lons, complete } = grid;
  const cells = Array.from(counts, (count, at) => ({
    x: x[at] as number,
    y: y[at] as number,
    count,
    strongest_signal_dbm: Number.isNaN(strongest[at]) ? null : (strongest[at] as number),
    lat: sixDecimals(lats[at] as number),
    lon: sixDecimals(lons[at] as number),
  }));
  return { zoom, complete, cell_zoom: cellZoom, cells };
}

/** Wire form of a cluster. */
export function clusterView({ count, lat, lon, splitsAt }: Cluster) {
  return { count, lat: sixDecimals(lat), lon: sixDecimals(lon), splits_at_zoom: splitsAt };
}

/** Wire form of a scan session. */
export function sessionView({ start, end, detections, distance }: ScanSession) {
  return {
    start: formatTimestamp(start),
    end: formatTimestamp(end),
    duration_ms: end - start,
    detections,
    distance_m: Math.round(distance * 10) / 10,
  };
}

/** Wire form of a crossing of a geofence. */
export function crossingView({ kind, timestamp, since, lat, lon }: Crossing) {
  return {
    kind,
    timestamp: formatTimestamp(timestamp),
    since: since === null ? null : formatTimestamp(since),
    position: { lat, lon },
  };
}

function sixDecimals(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}
