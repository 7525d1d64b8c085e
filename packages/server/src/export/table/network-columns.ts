import type { NetworkRecord } from '../../ports/detection-store.ts';
import type { ExportContext } from '../export-format.ts';
import type { Column } from './column.ts';

/** Networks as a table. `lat` and `lon` are the estimated position, `strongest_lat` and `strongest_lon` where the strongest signal was heard. */
export function networkColumns({ vendorOf }: ExportContext): readonly Column<NetworkRecord>[] {
  return [
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
    { name: 'first_seen_at', kind: 'time', get: (item) => item.firstSeenAt },
    { name: 'last_seen_at', kind: 'time', get: (item) => item.lastSeenAt },
    { name: 'detections', kind: 'integer', get: (item) => item.detections },
    { name: 'lat', kind: 'number', get: (item) => item.position?.lat ?? null },
    { name: 'lon', kind: 'number', get: (item) => item.position?.lon ?? null },
    { name: 'position_observations', kind: 'integer', get: (item) => item.position?.observations ?? null },
    { name: 'strongest_signal_dbm', kind: 'number', get: (item) => item.strongest?.signalDbm ?? null },
    { name: 'strongest_lat', kind: 'number', get: (item) => item.strongest?.lat ?? null },
    { name: 'strongest_lon', kind: 'number', get: (item) => item.strongest?.lon ?? null },
  ];
}
