import { array, boolean, integer, object, string } from './json-schema.ts';
import { closed, count, nextCursorSchema, nullable, time } from './scalars.ts';

/** A rejected item, as it was sent. */
export const quarantinedItem = object(
  {
    id: integer({ minimum: 1, description: 'Id of the item.' }),
    device_id: nullable(string({ maxLength: 128, description: 'As far as it could be read; any text.' })),
    code: string({ description: 'Why it was rejected.' }),
    field: nullable(string({ description: 'The member that is wrong, as the sender spelled it.' })),
    detail: string({ description: 'What is wrong and how to mend it.' }),
    source: string({ description: 'The route by which it came.' }),
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
