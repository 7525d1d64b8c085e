import { array, boolean, integer, number, object, oneOf } from './json-schema.ts';
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

const deviceStateSchema = oneOf(['failing', 'silent', 'warning', 'ok'], {
  description:
    'failing: the streak reached the limit. silent: not heard from. warning: a shorter streak. Else ok.',
});

const totalsMembers = {
  syncs: count('All syncs.'),
  success: count('Syncs without errors.'),
  partial: count('Syncs with errors and files.'),
  failed: count('Syncs with errors and no files.'),
  files: number({ minimum: 0, description: 'Files synced.' }),
  errors: number({ minimum: 0, description: 'Errors.' }),
  bytes: number({ minimum: 0, description: 'Bytes synced.' }),
};

/** One event as the history shows it. */
export const historyItem = object(
  {
    device_id: deviceIdSchema,
    timestamp: time('Corrected time of the sync.'),
    sync_status: syncStatusSchema,
    total_files_synced: count('Files that were synced.'),
    total_errors: count('Errors of this sync.'),
    internet_speed: nullable(number({ minimum: 0, description: 'Mbit/s.' })),
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
  object(
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
  last_sync: nullable(
    object(
      {
        timestamp: time('Corrected time.'),
        sync_status: syncStatusSchema,
        total_files_synced: count('Files.'),
        total_errors: count('Errors.'),
        clock_quality: clockQualitySchema,
      },
      {
        ...closed,
        description:
          'The newest sync in the order of the device, not the last received; null for a device that only sends telemetry or detections.',
      },
    ),
  ),
  clock_quality: nullable(clockQualitySchema),
  clock_offset_ms: nullable(
    number({ description: 'Clock of the server minus clock of the device, milliseconds.' }),
  ),
  first_seen_at: time('When the server first heard from it.'),
  epochs: count('Outboxes that the device has had.'),
  totals: object({ ...totalsMembers, conflicts: count('Events that contradict a stored one.') }, closed),
};

/** One device of a list. */
export const device = object(deviceMembers, { ...closed, title: 'Device' });

/** One device with statistics over a window. */
export const deviceDetail = object(
  {
    ...deviceMembers,
    window: object(
      {
        from: time('Start of the window.'),
        to: time('End of the window, exclusive.'),
        ...totalsMembers,
        average_internet_speed: nullable(number({ minimum: 0, description: 'Mbit/s.' })),
        average_sync_duration_ms: nullable(number({ minimum: 0, description: 'Milliseconds.' })),
        complete: boolean({
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
  limit: integer({ minimum: 1, description: 'Items of a page.' }),
  total: count('Items of all pages.'),
};

/** The syncs of one device, newest first. */
export const historyPage = object(
  {
    ...listMembers,
    total: count('All stored events of the device, whatever the filter.'),
    device_id: deviceIdSchema,
    items: array(historyItem),
    page: nullable(integer({ minimum: 1, description: 'Null where the page was asked for by cursor.' })),
    pages: nullable(count('Null where a filter is set.')),
  },
  { ...closed, title: 'HistoryPage' },
);

/** A page of devices. */
export const devicePage = object(
  { ...listMembers, items: array(device) },
  { ...closed, title: 'DevicePage' },
);

/** One device that fails again and again. */
export const repeatedFailure = object(
  { device_id: deviceIdSchema, status: deviceStateSchema, ...failureMembers },
  { ...closed, title: 'RepeatedFailure' },
);

/** Devices with more than `threshold` failures, worst first. */
export const repeatedFailuresPage = object(
  {
    ...listMembers,
    items: array(repeatedFailure),
    threshold: count('Only devices with more failures than this.'),
    mode: oneOf(['total', 'consecutive']),
  },
  { ...closed, title: 'RepeatedFailuresPage' },
);

/** The whole fleet in numbers. */
export const fleetSummary = object(
  {
    devices: count('Devices that were ever heard from.'),
    states: object(
      {
        failing: count('Devices.'),
        silent: count('Devices.'),
        warning: count('Devices.'),
        ok: count('Devices.'),
      },
      closed,
    ),
    totals: object(totalsMembers, { ...closed, description: 'Over all time.' }),
    hours: array(object({ hour: time('Start of the hour, UTC.'), ...totalsMembers }, closed), {
      description: 'Hours with at least one sync, oldest first, by corrected time.',
    }),
  },
  { ...closed, title: 'FleetSummary' },
);
