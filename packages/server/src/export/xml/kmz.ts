import type { ExportWriter } from '../export-format.ts';

/** A zip without the extension for large files holds less than 4 GiB, packed and unpacked. */
const maxBytes = 0xffff_ffff;

/** Times of zip begin in 1980 and end in 2107. */
const zipTimes = { first: Date.UTC(1980, 0, 2), last: Date.UTC(2099, 11, 30) };

/**
 * A KML in a zip, as `doc.kml`.
 *
 * @throws {RangeError} where the KML reaches 4 GiB, which no zip of this kind can hold: the file is then no whole zip
 */
export function kmzWriter<T>(kml: ExportWriter<T>): ExportWriter<T> {
  return async function* write(batches, context) {
    const { Zip, ZipDeflate } = await import('fflate');
    const packed: Uint8Array[] = [];
    let size = 0;
    const zip = new Zip((error, chunk) => {
      if (error !== null) throw error;
      if (chunk.length > 0) packed.push(chunk);
    });
    const file = new ZipDeflate('doc.kml');
    file.mtime = Math.min(Math.max(context.createdAt, zipTimes.first), zipTimes.last);
    zip.add(file);
    for await (const chunk of kml(batches, context)) {
      size += chunk.length;
      if (size > maxBytes) throw new RangeError('the KML takes 4 GiB or more, which a KMZ cannot hold');
      file.push(chunk);
      yield* packed.splice(0);
    }
    file.push(new Uint8Array(0), true);
    zip.end();
    yield* packed.splice(0);
  };
}
