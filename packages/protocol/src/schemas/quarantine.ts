import Type from 'typebox';
import { closed, count, nextCursorSchema, nullable, time } from './scalars.ts';

/** A rejected item, as it was sent. */
export const quarantinedItem = Type.Object(
  {
    id: Type.Integer({ minimum: 1, description: 'Id of the item.' }),
    device_id: nullable(
      Type.String({ maxLength: 128, description: 'As far as it could be read; any text.' }),
    ),
    code: Type.String({ description: 'Why it was rejected.' }),
    field: nullable(Type.String({ description: 'The member that is wrong, as the sender spelled it.' })),
    detail: Type.String({ description: 'What is wrong and how to mend it.' }),
    source: Type.String({ description: 'The route by which it came.' }),
    count: count('How often it came.'),
    received_at: time('When it first came.'),
    last_received_at: time('When it last came.'),
    truncated: Type.Boolean({
      description: 'True where raw was cut: such an item cannot be replayed as it is.',
    }),
    raw: Type.String({ description: 'The text of the item, at most 64 KiB.' }),
  },
  { ...closed, title: 'QuarantinedItem' },
);

/** Rejected items, newest first. */
export const quarantinePage = Type.Object(
  {
    items: Type.Array(quarantinedItem),
    next_cursor: nextCursorSchema,
    limit: Type.Integer({ minimum: 1, description: 'Items of a page.' }),
    total: count('Items of all pages.'),
  },
  { ...closed, title: 'QuarantinePage' },
);
