import { createHash } from 'node:crypto';
import { type Detection, decodeDetection } from '@pisync/protocol';
import { type ImportItem, keptText } from './import-item.ts';

/**
 * Decodes what a reader took from a row. The same row gives the same detection each time, so that importing a file twice adds nothing:
 * a detection with a time is known by what it says; one without gets an event id made of what it says.
 *
 * @param record - in a spelling that `decodeDetection` takes
 * @param text - the row as it stands in the file; asked for only where the row is bad
 * @param deviceId - whose detection it is; undefined where the record must tell
 */
export function importDetection(
  line: number,
  record: unknown,
  text: () => string,
  deviceId: string | undefined,
): ImportItem {
  const decoded = decodeDetection(record, { deviceId });
  if (!decoded.ok) return { line, problem: decoded.problem, text: keptText(text()) };
  const { detection } = decoded;
  return { line, detection: detection.deviceTime === null ? identified(detection) : detection };
}

function identified(detection: Detection): Detection {
  if (detection.eventId !== null || detection.seq !== null) return detection;
  const { sentAt: _sentAt, ...body } = detection;
  const digest = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  return { ...detection, eventId: `import:${digest.slice(0, 32)}` };
}
