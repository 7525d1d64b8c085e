import { serverTime } from './ingest-replies.ts';
import { array, boolean, integer, object, oneOf, optionalMember, string } from './json-schema.ts';
import {
  clockQualitySchema,
  closed,
  count,
  deviceIdSchema,
  nextCursorSchema,
  nullable,
  syncStatusSchema,
  time,
} from './scalars.ts';

/** A rejected item, as it was sent. */
export const quarantinedItem = object(
  {
    id: integer({ minimum: 1, description: 'Id of the item.' }),
    device_id: nullable(string({ maxLength: 128, description: 'As far as it could be read; any text.' })),
    code: string({ description: 'Why it was rejected.' }),
    field: nullable(string({ description: 'The member that is wrong, as the sender spelled it.' })),
    detail: string({ description: 'What is wrong and how to mend it.' }),
    source: string({
      description:
        'The route by which it came; after write, the unit of the times where it is not nanoseconds.',
    }),
    count: count('How often it came.'),
    received_at: time('When it first came.'),
    last_received_at: time('When it last came.'),
    truncated: boolean({
      description: 'True where raw was cut: such an item cannot be replayed as it is.',
    }),
    raw: string({ description: 'The text of the item, at most 64 KiB.' }),
  },
  { ...closed, title: 'QuarantinedItem' },
);

/** Rejected items, newest first. */
export const quarantinePage = object(
  {
    items: array(quarantinedItem),
    next_cursor: nextCursorSchema,
    limit: integer({ minimum: 1, description: 'Items of a page.' }),
    total: count('Items of all pages.'),
  },
  { ...closed, title: 'QuarantinePage' },
);

/** What became of a rejected item that was given another try. */
export const replayReply = object(
  {
    kind: oneOf(['sync_event', 'detection', 'telemetry'], { description: 'What the item is.' }),
    result: oneOf(['stored', 'duplicate'], {
      description:
        'stored: it is on disk. duplicate: it was already. Telemetry without a counter is always stored.',
    }),
    device_id: deviceIdSchema,
    timestamp: optionalMember(time('Corrected time of a sync event or a detection.')),
    clock_quality: optionalMember(clockQualitySchema),
    sync_status: optionalMember(syncStatusSchema),
    points: optionalMember(count('Points of telemetry.')),
    server_time: serverTime,
  },
  {
    ...closed,
    title: 'ReplayReply',
    examples: [
      {
        kind: 'telemetry',
        result: 'stored',
        device_id: 'pibook-0001',
        points: 2,
        server_time: '2026-11-20T08:30:01.250Z',
      },
    ],
  },
);
