import { formatTimestamp, type Observation, syncStatus } from '@pisync/protocol';
import type { BatchReceipts, ShownReceipt } from '../../services/ingest/receipts.ts';

const DAY = 86_400_000;

const twoDigits = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0'));

/** Dates of late, each at the place that its day number has in the ring: `2026-11-20T`. */
const RING = 512;
const ringDays = new Float64Array(RING).fill(Number.NaN);
const ringTexts: string[] = new Array(RING).fill('');

/** As `formatTimestamp`, at a fifth of its cost: dates repeat, and are kept. */
function time(ms: number): string {
  const ofDay = ms % DAY;
  if (ofDay < 0) return formatTimestamp(ms);
  const day = (ms - ofDay) / DAY;
  const place = day % RING;
  if (ringDays[place] !== day) {
    ringDays[place] = day;
    ringTexts[place] = formatTimestamp(ms).slice(0, 11);
  }
  const seconds = Math.trunc(ofDay / 1000);
  const minutes = Math.trunc(seconds / 60);
  const rest = ofDay - seconds * 1000;
  const clock = `${twoDigits[Math.trunc(minutes / 60)]}:${twoDigits[minutes % 60]}:${twoDigits[seconds % 60]}`;
  return `${ringTexts[place]}${clock}.${Math.trunc(rest / 100)}${twoDigits[rest % 100]}Z`;
}

function tail(serverTime: number, advice: number | undefined): string {
  const asked = advice === undefined ? '' : `,"next_sync_after_ms":${advice}`;
  return `"server_time":"${time(serverTime)}"${asked}}`;
}

/**
 * Reply to a single sync event, as JSON text. Built by hand: device ids hold no character that JSON escapes, and this
 * runs once per event.
 */
export function singleReply(
  result: string,
  observation: Observation,
  serverTime: number,
  advice: number | undefined,
): string {
  const status = syncStatus(observation.totalFilesSynced, observation.totalErrors);
  return (
    `{"result":"${result}","device_id":"${observation.deviceId}","timestamp":"${time(observation.timestamp)}"` +
    `,"clock_quality":"${observation.clockQuality}","sync_status":"${status}",${tail(serverTime, advice)}`
  );
}

/** Reply to a batch, as JSON text. */
export function batchReply(receipts: BatchReceipts, serverTime: number, advice: number | undefined): string {
  const { stored, duplicate, conflict, rejected } = receipts.counts();
  return (
    `{"stored":${stored},"duplicate":${duplicate},"conflict":${conflict},"rejected":${rejected}` +
    `,"results":${resultsText(receipts)},${tail(serverTime, advice)}`
  );
}

/** The `results` array of a batch, as JSON text. */
function resultsText(receipts: BatchReceipts): string {
  let text = '[';
  for (let index = 0; index < receipts.length; index += 1) {
    if (index > 0) text += ',';
    text += itemText(index, receipts.at(index));
  }
  return `${text}]`;
}

const CONFLICT =
  ',"code":"conflict","detail":"another body was stored under this identity; the first one stays"';

function itemText(index: number, { result, deviceId, seq, eventId, problem }: ShownReceipt): string {
  const head = `{"index":${index},"result":"${result}"`;
  if (problem !== null) {
    const members: Record<string, unknown> = { code: problem.code, detail: problem.detail };
    if (problem.field !== null) members['field'] = problem.field;
    if (deviceId !== null) members['device_id'] = deviceId;
    return `${head},${JSON.stringify(members).slice(1)}`;
  }
  let text = `${head},"device_id":"${deviceId}"`;
  if (seq !== null) text += `,"seq":${seq}`;
  if (eventId !== null) text += `,"event_id":${JSON.stringify(eventId)}`;
  return result === 'conflict' ? `${text}${CONFLICT}}` : `${text}}`;
}
