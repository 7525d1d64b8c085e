import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { PisyncError } from '@pisync/protocol';
import { readKismetCsv } from './csv/kismet-csv.ts';
import { readWigleCsv } from './csv/wigle-csv.ts';
import { readDatabase } from './database/read-database.ts';
import { spooled } from './database/spool.ts';
import { detectBytes, detectFormat, type ImportFormat } from './detect-format.ts';
import {
  type ByteSource,
  type FormatReader,
  type ImportContext,
  type ItemLists,
  rowProblem,
} from './import-item.ts';
import { readNdjson } from './ndjson.ts';
import { UnknownFormat } from './unknown-format.ts';
import { readGpx } from './xml/gpx.ts';
import { readKismetNetxml } from './xml/kismet-netxml.ts';

/** Most bytes that are handed to a reader at once: what one piece takes, the process does nothing else. */
const pieceBytes = 65_536;

/** What reading needs besides the file. */
export interface ImportPlace {
  /** Folder for the temporary copy of a database; SQLite cannot read from a stream. */
  readonly spoolFolder: string;
  /** Most bytes that a packed file may hold. */
  readonly maxBytes: number;
}

const readers: Readonly<Record<Exclude<ImportFormat, 'sqlite' | 'gzip'>, FormatReader>> = {
  'wigle-csv': readWigleCsv,
  'kismet-csv': readKismetCsv,
  'kismet-netxml': readKismetNetxml,
  gpx: readGpx,
  ndjson: readNdjson,
};

/**
 * Reads a file of any format that can be imported while it arrives, gzip taken. Holds one row of it and a few pieces; a database is
 * written to a temporary file, which is gone when the reading has ended in whatever way.
 *
 * What is wrong in the file is an item with a `problem`, damage that ends the reading included.
 *
 * @throws {UnknownFormat} where the content is none of the formats
 * @throws {PisyncError} `payload_too_large` where a packed file holds more than it may
 * @throws what `source` throws, and errors of the file system where a database cannot be kept
 */
export async function* importStream(
  source: ByteSource,
  context: ImportContext,
  place: ImportPlace,
): ItemLists {
  const chunks = source[Symbol.asyncIterator]();
  try {
    const { head, all } = await peek(chunks);
    if (detectFormat(head) === 'gzip') yield* importGzip(all, context, place);
    else yield* importPlain(head, all, context, place);
  } finally {
    await chunks.return?.();
  }
}

async function* importPlain(
  head: Uint8Array,
  all: ByteSource,
  context: ImportContext,
  place: ImportPlace,
): ItemLists {
  const format = detectFormat(head);
  if (format === 'sqlite') {
    yield* spooled(all, place.spoolFolder, (path) => readDatabase(path, context));
  } else if (format === null || format === 'gzip') {
    throw new UnknownFormat(
      'the file is none of WiGLE CSV, Kismet (database, CSV, netxml), GPX, PiWardrive (database) or NDJSON',
    );
  } else {
    yield* readers[format](smallPieces(all), context);
  }
}

/** The format of what is packed is known when its first bytes are unpacked. */
async function* importGzip(source: ByteSource, context: ImportContext, place: ImportPlace): ItemLists {
  const damage: { detail: string | null } = { detail: null };
  const chunks = unpack(source, place.maxBytes, damage);
  let line = 1;
  try {
    const { head, all } = await peek(chunks);
    for await (const items of importPlain(head, all, context, place)) {
      line = items.at(-1)?.line ?? line;
      yield items;
    }
  } finally {
    await chunks.return(undefined);
  }
  if (damage.detail !== null) yield [rowProblem(line, 'invalid_item', null, damage.detail, '', context)];
}

/** Ends where the compressed data does; what was unpacked until there is good. */
async function* unpack(
  source: ByteSource,
  maxBytes: number,
  damage: { detail: string | null },
): AsyncGenerator<Uint8Array> {
  const packed = Readable.from(source, { objectMode: false });
  const unpacked = createGunzip({ chunkSize: pieceBytes });
  packed.on('error', (error) => unpacked.destroy(error));
  packed.pipe(unpacked);
  let size = 0;
  try {
    for await (const chunk of unpacked as ByteSource) {
      size += chunk.length;
      if (size > maxBytes) {
        const detail = `The packed file holds more than ${maxBytes} bytes. Split it.`;
        throw new PisyncError('payload_too_large', { detail });
      }
      yield chunk;
    }
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code ?? '');
    if (!code.startsWith('Z_')) throw error;
    damage.detail = `the file is cut off or damaged: the rest of it cannot be unpacked (${code})`;
  } finally {
    packed.destroy();
    unpacked.destroy();
  }
}

/** Reads as much as it takes to tell the format. @returns the first bytes, and the whole file with them */
async function peek(rest: AsyncIterator<Uint8Array>): Promise<{ head: Uint8Array; all: ByteSource }> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  while (size < detectBytes) {
    const next = await rest.next();
    if (next.done === true) break;
    // A copy: whoever fills the chunk may use it again.
    pieces.push(next.value.slice());
    size += next.value.length;
  }
  const head = Buffer.concat(pieces);
  return { head, all: following(head, rest) };
}

async function* following(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function* smallPieces(source: ByteSource): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += pieceBytes) yield chunk.subarray(at, at + pieceBytes);
  }
}
