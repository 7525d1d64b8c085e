import { detectionTypes } from '@pisync/protocol';
import type {
  DetectionColumns,
  DetectionSource,
  StoredDetection,
  TextColumn,
} from '../../../src/core/detections/detection-columns.ts';

function textsOf(texts: readonly (string | null)[]): TextColumn {
  // One value that no row has, as a dictionary that blocks share may hold.
  const values: (string | null)[] = ['nobody has this', ...new Set(texts)];
  return { values, codes: Uint32Array.from(texts, (text) => values.indexOf(text)) };
}

export function columnsOf(rows: readonly StoredDetection[]): DetectionColumns {
  const numbers = (of: (row: StoredDetection) => number | null | undefined) =>
    Float64Array.from(rows, (row) => of(row) ?? Number.NaN);
  const texts = (of: (row: StoredDetection) => string | null) => textsOf(rows.map(of));
  return {
    count: rows.length,
    ordinals: numbers((row) => row.ordinal),
    timestamps: numbers((row) => row.timestamp),
    types: Uint8Array.from(rows, (row) => detectionTypes.indexOf(row.type)),
    lats: numbers((row) => row.position?.lat),
    lons: numbers((row) => row.position?.lon),
    signals: numbers((row) => row.signalDbm),
    devices: texts((row) => row.deviceId),
    identities: texts((row) => row.identity),
    names: texts((row) => row.name),
    securities: texts((row) => row.security),
  };
}

/** The detections in sources of `size` rows, columns made when they are first read. */
export function* sourcesOf(rows: readonly StoredDetection[], size: number): Generator<DetectionSource> {
  for (let from = 0; from < rows.length; from += size) {
    const own = rows.slice(from, from + size);
    yield { columns: columnsOf(own), detection: (row) => own[row] as StoredDetection };
  }
}
