import type { CommitOutcome, ObservedDetection } from '@pisync/protocol';
import type { DetectionFilter, DetectionKey, StoredDetection } from '../../ports/detection-store.ts';
import type { Store } from '../../ports/store.ts';
import { now } from '../make-events.ts';

/** Where the suite's detections are made, unless a test says otherwise. */
export const here = { lat: 52.52, lon: 13.405, altitude: 34, accuracy: 5, heading: null, speed: null };

/** A Wi-Fi network heard by `pi-1` at {@link now}, with a time and so a digest as its identity, unless `fields` say more. */
export function detection(fields: Partial<ObservedDetection> = {}): ObservedDetection {
  const deviceTime = fields.deviceTime === undefined ? now : fields.deviceTime;
  const receivedAt = fields.receivedAt ?? now;
  return {
    kind: 'detection',
    deviceId: 'pi-1',
    epoch: null,
    seq: null,
    eventId: null,
    deviceTime,
    sentAt: null,
    type: 'wifi',
    identity: '00:1A:2B:3C:4D:5E',
    name: 'Library',
    security: 'wpa2',
    channel: 6,
    frequencyMhz: 2437,
    signalDbm: -61,
    position: here,
    capabilities: '[WPA2-PSK-CCMP][ESS]',
    metadata: null,
    receivedAt,
    timestamp: deviceTime ?? receivedAt,
    clockQuality: deviceTime === null ? 'unknown' : 'ok',
    ...fields,
  };
}

/** The detection that a device counted as `seq`, made `seq` seconds after {@link now} began its last day. */
export function countedDetection(seq: number, fields: Partial<ObservedDetection> = {}): ObservedDetection {
  return detection({
    epoch: 'epoch-1',
    seq,
    deviceTime: now - 86_400_000 + (seq % 30_000) * 1000,
    ...fields,
  });
}

/** Commits detections by themselves. @returns their outcomes */
export async function commitDetections(
  store: Pick<Store, 'commit'>,
  ...detections: readonly ObservedDetection[]
): Promise<readonly CommitOutcome[]> {
  return store.commit({ observations: [], rejected: [], detections });
}

/** All detections that meet a filter, newest first, read page by page. */
export async function listDetections(
  store: Store,
  filter: DetectionFilter = {},
  limit = 1000,
): Promise<readonly StoredDetection[]> {
  const items: StoredDetection[] = [];
  for (let after: DetectionKey | undefined; ; ) {
    const page = await store.detections.list({ filter, limit, after });
    items.push(...page.items);
    if (page.next === null) return items;
    after = page.next;
  }
}
