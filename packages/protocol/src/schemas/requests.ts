import { detectionMembers } from './detection-requests.ts';
import { anything, array, either, literal, number, object, optionalMember, string } from './json-schema.ts';
import {
  count,
  deviceIdSchema,
  epochSchema,
  eventIdSchema,
  nullable,
  optional,
  seqSchema,
  timestampInput,
} from './scalars.ts';

const speedSchema = number({ minimum: 0, description: 'Mbit/s.' });

const metadataSchema = object(
  {},
  {
    additionalProperties: true,
    description: 'Anything else worth keeping; at most 16 KiB as compact JSON, unknown fields included.',
  },
);

/** Members that an event has wherever it is sent. */
const eventMembers = {
  total_files_synced: count('Files that were synced.'),
  total_errors: count('Errors of this sync.'),
  timestamp: optional(
    timestampInput('When the sync ended, by the clock of the device. The time of receipt if absent.'),
  ),
  internet_speed: optional(speedSchema),
  sync_duration_ms: optional(count('How long the sync took, in milliseconds.')),
  bytes_synced: optional(count('Bytes that were synced.')),
  metadata: optional(metadataSchema),
  epoch: optional(epochSchema),
  seq: optional(seqSchema),
  event_id: optional(eventIdSchema),
  sent_at: optional(timestampInput('The clock of the device when this attempt was sent.')),
  kind: optional(literal('sync_event', { description: 'Absent means sync_event.' })),
  sync_status: optionalMember(anything({ description: 'Taken and ignored: the status is derived.' })),
};

const hasEpoch = { required: ['epoch'], properties: { epoch: { type: 'string' } } };
const hasSeq = { required: ['seq'], properties: { seq: { type: 'number' } } };

/** One sync event. Every name may also be spelled in camelCase; unknown members join `metadata`. */
export const syncEventRequest = object(
  { device_id: deviceIdSchema, ...eventMembers },
  {
    title: 'SyncEvent',
    additionalProperties: true,
    allOf: [
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
      { if: hasEpoch, then: hasSeq },
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
      { if: hasSeq, then: hasEpoch },
    ],
    description:
      'One sync of one device. Every name may also be spelled in camelCase; members not listed here are kept in metadata.',
    examples: [
      {
        device_id: 'pibook-0001',
        timestamp: '2026-11-20T08:30:00Z',
        total_files_synced: 128,
        total_errors: 0,
        internet_speed: 45.5,
        sync_duration_ms: 8200,
        bytes_synced: 73400320,
      },
    ],
  },
);

/** Many sync events, of any devices, as a JSON array. */
export const syncEventBatch = array(syncEventRequest, {
  title: 'SyncEventBatch',
  description: 'Sync events of any devices; 10,000 at most unless configured otherwise.',
  examples: [
    [
      {
        device_id: 'pibook-0001',
        timestamp: '2026-11-20T08:30:00Z',
        total_files_synced: 12,
        total_errors: 0,
      },
      { device_id: 'pibox-0002', timestamp: '2026-11-20T08:31:00Z', total_files_synced: 0, total_errors: 3 },
    ],
  ],
});

/** Many sync events as NDJSON, one on each line. */
export const syncEventLines = string({
  title: 'SyncEventLines',
  description: 'NDJSON: one sync event on each line.',
  examples: [
    '{"device_id":"pibook-0001","timestamp":"2026-11-20T08:30:00Z","total_files_synced":12,"total_errors":0}\n' +
      '{"device_id":"pibox-0002","timestamp":"2026-11-20T08:31:00Z","total_files_synced":0,"total_errors":3}\n',
  ],
});

/** One observation of an envelope, which gives the device and the epoch. */
const enveloped = either(
  [
    object(
      { device_id: optional(deviceIdSchema), ...eventMembers },
      { title: 'EnvelopedSyncEvent', additionalProperties: true },
    ),
    object(
      { device_id: optional(deviceIdSchema), ...detectionMembers, kind: literal('detection') },
      { title: 'EnvelopedDetection', additionalProperties: true },
    ),
    object(
      {
        device_id: optional(deviceIdSchema),
        kind: literal('telemetry'),
        epoch: optional(epochSchema),
        seq: optional(seqSchema),
        sent_at: optional(timestampInput('The clock of the device when this attempt was sent.')),
      },
      {
        title: 'EnvelopedTelemetry',
        additionalProperties: true,
        description: 'As POST /api/telemetry takes it: metric, value, timestamp and tags, or metrics.',
      },
    ),
  ],
  {
    title: 'EnvelopedObservation',
    description:
      'A sync event, unless kind says otherwise; device_id and epoch come from the envelope, and another device_id is refused.',
  },
);

/** What the outbox of one device sends. */
export const deviceEnvelope = object(
  {
    device_id: deviceIdSchema,
    epoch: optional(epochSchema),
    sent_at: optional(timestampInput('The clock of the device when this attempt was sent.')),
    observations: array(enveloped, { description: 'In any order.' }),
  },
  {
    title: 'DeviceEnvelope',
    additionalProperties: false,
    description: 'Observations of one device, with what they have in common said once.',
    examples: [
      {
        device_id: 'pibook-0001',
        epoch: 'k3v9s2m1',
        sent_at: '2026-11-20T08:35:00Z',
        observations: [
          {
            kind: 'sync_event',
            seq: 0,
            timestamp: '2026-11-20T08:30:00Z',
            total_files_synced: 12,
            total_errors: 0,
          },
          {
            kind: 'sync_event',
            seq: 1,
            timestamp: '2026-11-20T08:34:00Z',
            total_files_synced: 4,
            total_errors: 1,
          },
          {
            kind: 'telemetry',
            seq: 2,
            timestamp: '2026-11-20T08:34:30Z',
            metric: 'temperature',
            value: 23.5,
          },
          {
            kind: 'detection',
            seq: 3,
            timestamp: '2026-11-20T08:34:40Z',
            type: 'wifi',
            identity: '00:1A:2B:3C:4D:5E',
            name: 'Harbour',
            signal_dbm: -71,
          },
        ],
      },
    ],
  },
);

/** Another try for a quarantined item. */
export const replayRequest = object(
  {
    item: optionalMember(
      anything({
        description:
          'The corrected item, of a line of line protocol its text; the item as it was sent if absent.',
      }),
    ),
  },
  {
    title: 'ReplayRequest',
    additionalProperties: false,
    examples: [
      {
        item: {
          device_id: 'pibook-0001',
          timestamp: '2026-11-20T08:30:00Z',
          total_files_synced: 12,
          total_errors: 0,
        },
      },
    ],
  },
);

/** Metadata of a stored event. */
export const storedMetadataSchema = nullable(metadataSchema);
