import { createReadStream } from 'node:fs';
import { decodeSyncEvent, isDeviceId, PisyncError, parseJson } from '@pisync/protocol';
import type { SentEvent } from '../../services/compare/compare-ledger.ts';

/** What a line may say of its event. */
const results: Readonly<Record<string, boolean>> = { stored: true, duplicate: true, unsure: false };

const DEVICE = '"device_id":"';

/**
 * Reads a ledger, a line for each event that a client sent: `{"result":"stored","item":{…}}`, the item as it was sent, with its
 * `event_id` in it where that came as a header. `duplicate` is an acknowledgement, too; `unsure` says that no answer came. A last
 * line without a line end is the trace of a client that was killed, and is left out.
 *
 * @param wanted - of which devices; asked for each line before it is decoded, where the id is plain to see
 *
 * @throws {PisyncError} `invalid_config` for a line that is none, with its number, and where the file cannot be read
 */
export async function* readLedger(
  path: string,
  wanted: (deviceId: string) => boolean,
): AsyncGenerator<SentEvent> {
  let number = 0;
  let text: string | undefined;
  for await (const next of linesOf(path)) {
    if (text !== undefined && text.trim() !== '') {
      const deviceId = plainDevice(text);
      if (deviceId === undefined || wanted(deviceId)) {
        const sent = sentEvent(text, path, number);
        if (deviceId !== undefined || wanted(sent.event.deviceId)) yield sent;
      }
    }
    text = next;
    number += 1;
  }
  // What follows the last line end is empty, or was never finished.
}

/** The pieces between line ends; the last one is what follows the last line end. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1_048_576 })) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() as string;
      yield* lines;
    }
  } catch (cause) {
    if (cause instanceof PisyncError) throw cause;
    throw wrong(`${path} cannot be read: ${(cause as Error).message}`);
  }
  yield rest;
}

/** The device that a line is about, where it names one once: the same name in `metadata` is another thing. */
function plainDevice(text: string): string | undefined {
  const at = text.indexOf(DEVICE);
  if (at < 0 || text.indexOf('evice', at + DEVICE.length) >= 0 || text.indexOf('evice') < at)
    return undefined;
  const begin = at + DEVICE.length;
  const deviceId = text.slice(begin, text.indexOf('"', begin));
  return isDeviceId(deviceId) ? deviceId : undefined;
}

function sentEvent(text: string, path: string, line: number): SentEvent {
  const at = `Line ${line} of ${path}`;
  let entry: unknown;
  try {
    entry = parseJson(text);
  } catch {
    throw wrong(`${at} is not JSON.`);
  }
  const { result, item } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<
    string,
    unknown
  >;
  const acknowledged =
    typeof result === 'string' && Object.hasOwn(results, result) ? results[result] : undefined;
  if (acknowledged === undefined) throw wrong(`${at} has no "result" of "stored", "duplicate" or "unsure".`);
  const decoded = decodeSyncEvent(item);
  if (!decoded.ok) throw wrong(`${at} has an "item" that is no sync event: ${decoded.problem.detail}`);
  return { event: decoded.event, acknowledged };
}

function wrong(detail: string): PisyncError {
  return new PisyncError('invalid_config', { field: 'ledger', detail });
}
