import type { ExportContext, ExportWriter } from './export-format.ts';

/** Length of text, in UTF-16 code units, that is encoded and handed out at once. */
const chunkLength = 65_536;

/** Makes the text of one file; one is made for each export, so that it may remember what it has written. */
export interface TextFile<T> {
  /** What stands before all rows. */
  readonly head: string;
  /** The text of one row, in pieces where it is long; empty where the row is written later, or not at all. */
  row(item: T): string | Iterable<string>;
  /** What stands behind all rows. */
  tail(): string | Iterable<string>;
}

/** A writer of text in UTF-8. */
export function textWriter<T>(open: (context: ExportContext) => TextFile<T>): ExportWriter<T> {
  return async function* write(batches, context) {
    const file = open(context);
    let text = file.head;
    for await (const batch of batches) {
      for (const item of batch) {
        const row = file.row(item);
        if (typeof row === 'string') text += row;
        else text = yield* flushing(text, row);
        if (text.length < chunkLength) continue;
        yield Buffer.from(text);
        text = '';
      }
    }
    const tail = file.tail();
    text = yield* flushing(text, typeof tail === 'string' ? [tail] : tail);
    if (text !== '') yield Buffer.from(text);
  };
}

/** Hands out what is long enough. @returns what is left */
function* flushing(before: string, pieces: Iterable<string>): Generator<Uint8Array, string> {
  let text = before;
  for (const piece of pieces) {
    text += piece;
    if (text.length < chunkLength) continue;
    yield Buffer.from(text);
    text = '';
  }
  return text;
}
