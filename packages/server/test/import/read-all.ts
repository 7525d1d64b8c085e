import type { Detection } from '@pisync/protocol';
import type { FormatReader, ImportContext, ImportItem, TrackPoint } from '../../src/import/import-item.ts';

export const context: ImportContext = { deviceId: 'unit-1' };

/** Bytes in pieces of one size. */
async function* inPieces(file: string | Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(file);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** All that a reader makes of a file. */
export async function readAll(
  reader: FormatReader,
  file: string | Uint8Array,
  options: { readonly size?: number; readonly context?: ImportContext } = {},
): Promise<ImportItem[]> {
  return (await Array.fromAsync(reader(inPieces(file, options.size), options.context ?? context))).flat();
}

export function detectionsOf(items: readonly ImportItem[]): Detection[] {
  return items.flatMap((item) => ('detection' in item ? [item.detection] : []));
}

export function tracksOf(items: readonly ImportItem[]): TrackPoint[] {
  return items.flatMap((item) => ('track' in item ? [item.track] : []));
}

/** Line and code of each problem. */
export function problemsOf(items: readonly ImportItem[]): [number, string][] {
  return items.flatMap((item): [number, string][] =>
    'problem' in item ? [[item.line, item.problem.code]] : [],
  );
}
