import { array, integer, object, oneOf, optionalMember, optionalMembers, string } from './json-schema.ts';
import { problemMembers } from './problem.ts';
import {
  clockQualitySchema,
  closed,
  count,
  deviceIdSchema,
  eventIdSchema,
  seqSchema,
  syncStatusSchema,
  time,
} from './scalars.ts';

export const serverTime = time('Clock of the server when it answered.');
export const nextSync = optionalMember(
  integer({ minimum: 0, description: 'Only under load: milliseconds to wait before the next sync.' }),
);

/** Reply to one sync event. */
export const syncEventReply = object(
  {
    result: oneOf(['stored', 'duplicate'], {
      description: 'stored: it is on disk. duplicate: it was already.',
    }),
    device_id: deviceIdSchema,
    timestamp: time('Corrected time of the sync.'),
    clock_quality: clockQualitySchema,
    sync_status: syncStatusSchema,
    server_time: serverTime,
    next_sync_after_ms: nextSync,
  },
  {
    ...closed,
    title: 'SyncEventReply',
    examples: [
      {
        result: 'stored',
        device_id: 'pibook-0001',
        timestamp: '2026-11-20T08:30:00.000Z',
        clock_quality: 'ok',
        sync_status: 'success',
        server_time: '2026-11-20T08:30:01.250Z',
      },
    ],
  },
);

/** What became of one item. */
const itemResult = object(
  {
    index: integer({ minimum: 0, description: 'Place of the item in the request, from 0.' }),
    result: oneOf(['stored', 'duplicate', 'conflict', 'rejected']),
    device_id: optionalMember(
      string({
        maxLength: 128,
        description: 'As far as it could be read; of a rejected item it may be any text.',
      }),
    ),
    seq: optionalMember(seqSchema),
    event_id: optionalMember(eventIdSchema),
    code: optionalMember(string({ description: 'Why it was rejected, or conflict.' })),
    field: optionalMember(string({ description: 'The member that is wrong, as the sender spelled it.' })),
    detail: optionalMember(string({ description: 'What is wrong and how to mend it.' })),
  },
  { ...closed, title: 'ItemResult' },
);

const batchMembers = {
  stored: count('Items that are on disk now.'),
  duplicate: count('Items that were stored before; they change nothing.'),
  conflict: count('Items whose identity is taken by another body; the first one stays.'),
  rejected: count('Items that are wrong; they stay in the quarantine.'),
  results: array(itemResult, { description: 'One for each item, in the order of the request.' }),
  server_time: serverTime,
  next_sync_after_ms: nextSync,
};

/** Reply to many items. */
export const batchReply = object(batchMembers, {
  ...closed,
  title: 'BatchReply',
  examples: [
    {
      stored: 1,
      duplicate: 0,
      conflict: 0,
      rejected: 1,
      results: [
        { index: 0, result: 'stored', device_id: 'pibook-0001' },
        {
          index: 1,
          result: 'rejected',
          device_id: 'pibox-0002',
          code: 'out_of_range',
          field: 'total_errors',
          detail: 'total_errors is -1; send a whole number from 0 to 9007199254740991',
        },
      ],
      server_time: '2026-11-20T08:30:01.250Z',
    },
  ],
});

/** A body that broke part-way: the problem, and what became of the items before the break. */
export const brokenBatchReply = object(
  { ...problemMembers, ...optionalMembers(batchMembers) },
  {
    title: 'BrokenBatch',
    additionalProperties: true,
    description:
      'A problem with the results of the items before the break; those that are stored stay stored.',
    examples: [
      {
        type: 'urn:pisync:error:invalid_json',
        title: 'The body is not valid JSON',
        status: 400,
        code: 'invalid_json',
        detail: 'the body ends before the array is closed (byte 96)',
        stored: 1,
        duplicate: 0,
        conflict: 0,
        rejected: 0,
        results: [{ index: 0, result: 'stored', device_id: 'pibook-0001' }],
        server_time: '2026-11-20T08:30:01.250Z',
      },
    ],
  },
);
