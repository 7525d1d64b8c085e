/** A small number for each field of a sync event, so that the decoder passes over an item's keys once. */
export const field = {
  deviceId: 0,
  totalFilesSynced: 1,
  totalErrors: 2,
  timestamp: 3,
  internetSpeed: 4,
  syncDurationMs: 5,
  bytesSynced: 6,
  metadata: 7,
  epoch: 8,
  seq: 9,
  eventId: 10,
  sentAt: 11,
  kind: 12,
  syncStatus: 13,
} as const;

/** Wire name of each field, by its number: the spelling of the documents and of all replies. */
export const wireNames: readonly string[] = [
  'device_id',
  'total_files_synced',
  'total_errors',
  'timestamp',
  'internet_speed',
  'sync_duration_ms',
  'bytes_synced',
  'metadata',
  'epoch',
  'seq',
  'event_id',
  'sent_at',
  'kind',
  'sync_status',
];

/** How many fields there are. */
export const slotCount = wireNames.length;

/** The other spelling that is taken on input: `device_id` may come as `deviceId`. */
export function camelCase(wireName: string): string {
  return wireName.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

/** Number of a field, for either spelling of its name. */
export const slotOfField: ReadonlyMap<string, number> = new Map(
  wireNames.flatMap((name, slot): [string, number][] => [
    [name, slot],
    [camelCase(name), slot],
  ]),
);

/** The name of a field as an item spells it; the wire name where the item lacks it. */
export function fieldNameIn(item: object, slot: number): string {
  const name = wireNames[slot] as string;
  const other = camelCase(name);
  return !Object.hasOwn(item, name) && Object.hasOwn(item, other) ? other : name;
}
