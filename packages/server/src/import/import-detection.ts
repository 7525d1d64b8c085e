import { createHash } from 'node:crypto';
import {
  type DecodedDetection,
  type Detection,
  type DetectionDraft,
  decodeDetection,
} from '@pisync/protocol';
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
  return itemOf(line, decodeDetection(record, { deviceId }), text);
}

/** As {@link importDetection}, of a row whose reader put its fields into a draft. @param context - with the device whose detection it is */
export function importDraft(
  line: number,
  draft: DetectionDraft,
  text: () => string,
  context: { readonly deviceId: string },
): ImportItem {
  return itemOf(line, draft.decode(context), text);
}

function itemOf(line: number, decoded: DecodedDetection, text: () => string): ImportItem {
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
