import { camelCase } from '../event/sync-event-fields.ts';

/** A small number for each field of a detection, so that the decoder passes over an item's keys once. */
export const field = {
  deviceId: 0,
  timestamp: 1,
  type: 2,
  identity: 3,
  name: 4,
  security: 5,
  channel: 6,
  frequencyMhz: 7,
  signalDbm: 8,
  position: 9,
  capabilities: 10,
  metadata: 11,
  epoch: 12,
  seq: 13,
  eventId: 14,
  sentAt: 15,
  kind: 16,
  mcc: 17,
  mnc: 18,
  area: 19,
  cell: 20,
  lat: 21,
  lon: 22,
  altitude: 23,
  accuracy: 24,
  heading: 25,
  speed: 26,
  speedKmh: 27,
} as const;

/** Names of each field, by its number; the first is that of the documents and of all replies, the others are names that scanners use. */
const names: readonly (readonly string[])[] = [
  ['device_id'],
  ['timestamp', 'detection_timestamp'],
  ['type'],
  ['identity', 'bssid', 'mac', 'mac_address'],
  ['name', 'ssid', 'device_name', 'network_name'],
  ['security', 'encryption', 'encryption_type'],
  ['channel'],
  ['frequency_mhz', 'frequency'],
  ['signal_dbm', 'signal', 'rssi', 'signal_strength_dbm', 'rssi_dbm'],
  ['position'],
  ['capabilities'],
  ['metadata'],
  ['epoch'],
  ['seq'],
  ['event_id'],
  ['sent_at'],
  ['kind'],
  ['mcc'],
  ['mnc'],
  ['area', 'lac', 'tac'],
  ['cell', 'cell_id', 'cid'],
  ['lat', 'latitude'],
  ['lon', 'lng', 'longitude'],
  ['altitude', 'altitude_meters'],
  ['accuracy', 'accuracy_meters'],
  ['heading', 'heading_degrees'],
  ['speed'],
  ['speed_kmh'],
];

/** How many fields there are. */
export const slotCount = names.length;

/** The first field of those that may stand in `position` as well as beside it. */
export const firstPositionSlot = field.lat;

/** Number of a field, for every spelling of its names. */
export const slotOfField: ReadonlyMap<string, number> = new Map(
  names.flatMap((spellings, slot) =>
    spellings.flatMap((name): [string, number][] => [
      [name, slot],
      [camelCase(name), slot],
    ]),
  ),
);

/** The name of a field as an item spells it, `position.` in front where it stands there; the wire name where the item lacks it. */
export function fieldNameIn(item: Record<string, unknown>, slot: number): string {
  const own = Object.keys(item).find((key) => slotOfField.get(key) === slot && item[key] !== null);
  if (own !== undefined) return own;
  const position = Object.hasOwn(item, 'position') ? item['position'] : undefined;
  if (slot >= firstPositionSlot && typeof position === 'object' && position !== null) {
    const inner = Object.keys(position).find((key) => slotOfField.get(key) === slot);
    if (inner !== undefined) return `position.${inner}`;
  }
  return names[slot]?.[0] as string;
}
