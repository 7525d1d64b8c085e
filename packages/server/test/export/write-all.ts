import type { ExportContext, ExportWriter } from '../../src/export/export-format.ts';
import type { StoredDetection } from '../../src/ports/detection-store.ts';

export const context: ExportContext = {
  title: 'Detections of <town> & "fields"',
  createdAt: Date.UTC(2026, 10, 22, 12),
  version: '1.2.3',
  vendorOf: (mac) => (mac.startsWith('00:1A') ? '=Vendor, "Inc" <x>' : null),
};

/** A plain detection, with other values where the test wants them. */
export function detection(own: Partial<StoredDetection> = {}): StoredDetection {
  return {
    kind: 'detection',
    ...{ deviceId: 'unit-1', epoch: null, seq: null, eventId: null, sentAt: null },
    ...{ deviceTime: Date.UTC(2026, 10, 20, 8, 30), timestamp: Date.UTC(2026, 10, 20, 8, 30) },
    ...{ receivedAt: Date.UTC(2026, 10, 20, 9), clockQuality: 'ok', ordinal: 1 },
    ...{ type: 'wifi', identity: '00:1A:2B:3C:4D:5E', name: 'Home', security: 'wpa2', channel: 6 },
    ...{ frequencyMhz: 2437, signalDbm: -71, capabilities: '[WPA2-PSK-CCMP][ESS]', metadata: null },
    position: { lat: 48.1371, lon: 11.5754, altitude: 519.5, accuracy: 4.25, heading: null, speed: null },
    ...own,
  };
}

/** The rows in batches of one size. */
export async function* inBatches<T>(rows: readonly T[], size = 3): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size);
}

/** The whole file. */
export async function bytesOf<T>(writer: ExportWriter<T> | undefined, rows: readonly T[]): Promise<Buffer> {
  if (writer === undefined) throw new TypeError('the format cannot write these');
  return Buffer.concat(await Array.fromAsync(writer(inBatches(rows), context)));
}

export async function textOf<T>(writer: ExportWriter<T> | undefined, rows: readonly T[]): Promise<string> {
  return (await bytesOf(writer, rows)).toString('utf8');
}
