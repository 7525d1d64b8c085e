import Type from 'typebox';
import { storedMetadataSchema } from './requests.ts';
import {
  clockQualitySchema,
  closed,
  count,
  deviceIdSchema,
  epochSchema,
  eventIdSchema,
  nextCursorSchema,
  nullable,
  seqSchema,
  syncStatusSchema,
  time,
} from './scalars.ts';

const deviceStateSchema = Type.Enum(['failing', 'silent', 'warning', 'ok'], {
  description:
    'failing: the streak reached the limit. silent: not heard from. warning: a shorter streak. Else ok.',
});

const totalsMembers = {
  syncs: count('All syncs.'),
  success: count('Syncs without errors.'),
  partial: count('Syncs with errors and files.'),
  failed: count('Syncs with errors and no files.'),
  files: Type.Number({ minimum: 0, description: 'Files synced.' }),
  errors: Type.Number({ minimum: 0, description: 'Errors.' }),
  bytes: Type.Number({ minimum: 0, description: 'Bytes synced.' }),
};

/** One event as the history shows it. */
export const historyItem = Type.Object(
  {
    device_id: deviceIdSchema,
    timestamp: time('Corrected time of the sync.'),
    sync_status: syncStatusSchema,
    total_files_synced: count('Files that were synced.'),
    total_errors: count('Errors of this sync.'),
    internet_speed: nullable(Type.Number({ minimum: 0, description: 'Mbit/s.' })),
    sync_duration_ms: nullable(count('Milliseconds.')),
    bytes_synced: nullable(count('Bytes.')),
    clock_quality: clockQualitySchema,
    device_time: nullable(time('What the clock of the device said.')),
    received_at: time('When the server received it.'),
    epoch: nullable(epochSchema),
    seq: nullable(seqSchema),
    event_id: nullable(eventIdSchema),
    metadata: storedMetadataSchema,
  },
  { ...closed, title: 'StoredSyncEvent' },
);

const failureSchema = nullable(
  Type.Object(
    {
      timestamp: time('Corrected time of the newest failure.'),
      sync_status: syncStatusSchema,
      total_errors: count('Its errors.'),
    },
    closed,
  ),
);

const failureMembers = {
  total_failures: count('All syncs that count as failures.'),
  consecutive_failures: count('Failures after the newest success, in the order of the device.'),
  failing_since: nullable(time('First failure of the running streak.')),
  last_failure: failureSchema,
  last_success_at: nullable(time('Newest success.')),
  last_seen_at: time('When the server last heard from it.'),
};

const deviceMembers = {
  device_id: deviceIdSchema,
  status: deviceStateSchema,
  ...failureMembers,
  last_sync: Type.Object(
    {
      timestamp: time('Corrected time.'),
      sync_status: syncStatusSchema,
      total_files_synced: count('Files.'),
      total_errors: count('Errors.'),
      clock_quality: clockQualitySchema,
    },
    { ...closed, description: 'The newest sync in the order of the device, not the last received.' },
  ),
  clock_quality: clockQualitySchema,
  clock_offset_ms: nullable(
    Type.Number({ description: 'Clock of the server minus clock of the device, milliseconds.' }),
  ),
  first_seen_at: time('When the server first heard from it.'),
  epochs: count('Outboxes that the device has had.'),
  totals: Type.Object({ ...totalsMembers, conflicts: count('Events that contradict a stored one.') }, closed),
};

/** One device of a list. */
export const device = Type.Object(deviceMembers, { ...closed, title: 'Device' });

/** One device with statistics over a window. */
export const deviceDetail = Type.Object(
  {
    ...deviceMembers,
    window: Type.Object(
      {
        from: time('Start of the window.'),
        to: time('End of the window, exclusive.'),
        ...totalsMembers,
        average_internet_speed: nullable(Type.Number({ minimum: 0, description: 'Mbit/s.' })),
        average_sync_duration_ms: nullable(Type.Number({ minimum: 0, description: 'Milliseconds.' })),
        complete: Type.Boolean({
          description: 'False where only the newest events of the window were counted.',
        }),
      },
      closed,
    ),
  },
  { ...closed, title: 'DeviceDetail' },
);

const listMembers = {
  next_cursor: nextCursorSchema,
  limit: Type.Integer({ minimum: 1, description: 'Items of a page.' }),
  total: count('Items of all pages.'),
};

/** The syncs of one device, newest first. */
export const historyPage = Type.Object(
  {
    ...listMembers,
    total: count('All stored events of the device, whatever the filter.'),
    device_id: deviceIdSchema,
    items: Type.Array(historyItem),
    page: nullable(Type.Integer({ minimum: 1, description: 'Null where the page was asked for by cursor.' })),
    pages: nullable(count('Null where a filter is set.')),
  },
  { ...closed, title: 'HistoryPage' },
);

/** A page of devices. */
export const devicePage = Type.Object(
  { ...listMembers, items: Type.Array(device) },
  { ...closed, title: 'DevicePage' },
);

/** One device that fails again and again. */
export const repeatedFailure = Type.Object(
  { device_id: deviceIdSchema, status: deviceStateSchema, ...failureMembers },
  { ...closed, title: 'RepeatedFailure' },
);

/** Devices with more than `threshold` failures, worst first. */
export const repeatedFailuresPage = Type.Object(
  {
    ...listMembers,
    items: Type.Array(repeatedFailure),
    threshold: count('Only devices with more failures than this.'),
    mode: Type.Enum(['total', 'consecutive']),
  },
  { ...closed, title: 'RepeatedFailuresPage' },
);

/** The whole fleet in numbers. */
export const fleetSummary = Type.Object(
  {
    devices: count('Devices that were ever heard from.'),
    states: Type.Object(
      {
        failing: count('Devices.'),
        silent: count('Devices.'),
        warning: count('Devices.'),
        ok: count('Devices.'),
      },
      closed,
    ),
    totals: Type.Object(totalsMembers, { ...closed, description: 'Over all time.' }),
    hours: Type.Array(Type.Object({ hour: time('Start of the hour, UTC.'), ...totalsMembers }, closed), {
      description: 'Hours with at least one sync, oldest first, by corrected time.',
    }),
  },
  { ...closed, title: 'FleetSummary' },
);
