import type { StoredDetection } from '../../ports/detection-store.ts';
import type { ExportContext } from '../export-format.ts';
import type { Column } from './column.ts';

/**
 * Detections as a table, in the names of the wire; the parts of the position are columns of their own.
 *
 * `timestamp` is the corrected time, `device_time` what the device's clock said.
 */
export function detectionColumns({ vendorOf }: ExportContext): readonly Column<StoredDetection>[] {
  return [
    { name: 'timestamp', kind: 'time', get: (item) => item.timestamp },
    { name: 'device_id', kind: 'text', get: (item) => item.deviceId },
    { name: 'type', kind: 'text', get: (item) => item.type },
    { name: 'identity', kind: 'text', get: (item) => item.identity },
    {
      name: 'vendor',
      kind: 'text',
      get: (item) => (item.type === 'cellular' ? null : vendorOf(item.identity)),
    },
    { name: 'name', kind: 'text', get: (item) => item.name },
    { name: 'security', kind: 'text', get: (item) => item.security },
    { name: 'channel', kind: 'integer', get: (item) => item.channel },
    { name: 'frequency_mhz', kind: 'number', get: (item) => item.frequencyMhz },
    { name: 'signal_dbm', kind: 'number', get: (item) => item.signalDbm },
    { name: 'lat', kind: 'number', get: (item) => item.position?.lat ?? null },
    { name: 'lon', kind: 'number', get: (item) => item.position?.lon ?? null },
    { name: 'altitude', kind: 'number', get: (item) => item.position?.altitude ?? null },
    { name: 'accuracy', kind: 'number', get: (item) => item.position?.accuracy ?? null },
    { name: 'heading', kind: 'number', get: (item) => item.position?.heading ?? null },
    { name: 'speed', kind: 'number', get: (item) => item.position?.speed ?? null },
    { name: 'capabilities', kind: 'text', get: (item) => item.capabilities },
    { name: 'metadata', kind: 'json', get: (item) => item.metadata },
    { name: 'device_time', kind: 'time', get: (item) => item.deviceTime },
    { name: 'received_at', kind: 'time', get: (item) => item.receivedAt },
    { name: 'clock_quality', kind: 'text', get: (item) => item.clockQuality },
    { name: 'epoch', kind: 'text', get: (item) => item.epoch },
    { name: 'seq', kind: 'integer', get: (item) => item.seq },
    { name: 'event_id', kind: 'text', get: (item) => item.eventId },
  ];
}
