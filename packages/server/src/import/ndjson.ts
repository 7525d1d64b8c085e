import { defaultMaxDepth, parseJsonDocument, readableDeviceId } from '@pisync/protocol';
import { importDetection } from './import-detection.ts';
import {
  type ByteSource,
  type ImportContext,
  type ImportItem,
  type ItemLists,
  keptText,
  rowProblem,
} from './import-item.ts';
import { type Line, LineReader } from './line-reader.ts';

/** Longest line, in bytes. */
const maxLineBytes = 65_536;

/**
 * Reads detections as JSON, one on a line, in the spellings that `decodeDetection` takes. Blank lines do not count. A line may name its
 * device where the context trusts it; else it must name the context's, or none.
 */
export async function* readNdjson(source: ByteSource, context: ImportContext): ItemLists {
  const reader = new LineReader(maxLineBytes);
  for await (const chunk of source) yield itemsOf(reader.push(chunk), context);
  yield itemsOf(reader.end(), context);
}

function itemsOf(lines: Iterable<Line>, context: ImportContext): ImportItem[] {
  const items: ImportItem[] = [];
  for (const line of lines) {
    const item = itemOf(line, context);
    if (item !== undefined) items.push(item);
  }
  return items;
}

/** @returns undefined for a blank line */
function itemOf({ line, bytes, tooLong }: Line, context: ImportContext): ImportItem | undefined {
  const text = () => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  if (tooLong) {
    const detail = `the line takes more than ${maxLineBytes} bytes`;
    return rowProblem(line, 'item_too_large', null, detail, text(), context);
  }
  const parsed = parseJsonDocument(bytes, { maxDepth: defaultMaxDepth });
  if (parsed.ok) {
    const own = context.trustDeviceIds === true && readableDeviceId(parsed.value) !== null;
    return importDetection(line, parsed.value, text, own ? undefined : context.deviceId);
  }
  if (parsed.code === 'empty_body') return undefined;
  const code = parsed.code === 'invalid_json' ? 'item_invalid_json' : parsed.code;
  return {
    line,
    problem: { code, field: parsed.field, detail: parsed.detail, deviceId: context.deviceId },
    text: keptText(text()),
  };
}
