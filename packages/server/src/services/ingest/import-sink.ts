import { trackTelemetry } from '../../import/track-telemetry.ts';
import type { ImportSink } from './imports.ts';
import { type Ingest, observeDetection } from './ingest.ts';

/**
 * Commits what is imported. It is not charged to the device's rate: a file is the work of days, and few of its commits are
 * under way at once.
 */
export function importSink(ingest: Ingest): ImportSink {
  const { clock, limits } = ingest;
  return {
    detections(list) {
      const receivedAt = clock.now();
      const detections = list.map((one) => observeDetection(one, receivedAt, limits.maxBacklogMs));
      return ingest.commit({ observations: [], rejected: [], detections });
    },
    async track(points, deviceId) {
      const batch = trackTelemetry(points, deviceId);
      await ingest.commit({ observations: [], rejected: [], points: batch, contactAt: clock.now() });
    },
    async rejected(rejected) {
      await ingest.commit({ observations: [], rejected });
    },
  };
}
