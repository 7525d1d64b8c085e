import { countedDetection } from '../../../src/conformance/detections/make-detections.ts';
import { counted, failed, now, partial, rejectedItem } from '../../../src/conformance/make-events.ts';
import { type Everything, readEverything } from '../../../src/conformance/read-store.ts';
import { pointBatch } from '../../../src/conformance/telemetry/make-points.ts';
import type { CommitGroup, Store } from '../../../src/ports/store.ts';

const DAY = 86_400_000;

/** Everything of every kind: three devices over four months, failures among it, points, detections and refused items. */
export function sampleGroup(): CommitGroup {
  const observations = Array.from({ length: 90 }, (_, seq) => {
    const timestamp = now - seq * 1.3 * DAY;
    const outcome = [{}, failed, partial][seq % 3];
    return counted(seq, { deviceId: `pi-${seq % 3}`, deviceTime: timestamp, timestamp, ...outcome });
  });
  const points = Array.from({ length: 60 }, (_, index) => ({
    deviceId: 'pi-1',
    key: `cpu-${index % 2}`,
    time: (now - index * DAY) * 1000,
    value: index / 4,
  }));
  const detections = Array.from({ length: 20 }, (_, index) =>
    countedDetection(1000 + index, { timestamp: now - index * 4 * DAY }),
  );
  return { observations, rejected: [rejectedItem()], points: pointBatch(points), contactAt: now, detections };
}

/** The answers of a store that the sample can change. Networks that no answer fixes are not among them. */
export async function answersOf(store: Store): Promise<Everything> {
  return readEverything(store);
}
