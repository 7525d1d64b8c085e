import type { ExportContext, ExportWriter } from '../export-format.ts';
import { textWriter } from '../text-stream.ts';
import { timeText } from '../time-text.ts';
import { type Column, isText } from './column.ts';
import { jsonString, plainJson } from './json-text.ts';

/** What is told by the geometry. */
const inGeometry = new Set(['lat', 'lon']);

/**
 * A FeatureCollection of RFC 7946, one feature for each row, on a line of its own. The columns but the position are its properties,
 * those that are not known left out; a row without a position has a null geometry. The altitude is a property, because the third
 * coordinate of RFC 7946 counts from the ellipsoid, and ours from the sea.
 */
export function geojsonWriter<T>(
  columnsOf: (context: ExportContext) => readonly Column<T>[],
  placeOf: (item: T) => { readonly lat: number; readonly lon: number } | null,
): ExportWriter<T> {
  return textWriter((context) => {
    const columns = columnsOf(context).filter(({ name }) => !inGeometry.has(name));
    let before = '\n';
    return {
      head: '{"type":"FeatureCollection","features":[',
      row(item) {
        const place = placeOf(item);
        const geometry =
          place === null ? 'null' : `{"type":"Point","coordinates":[${place.lon},${place.lat}]}`;
        const row = `${before}{"type":"Feature","geometry":${geometry},"properties":{${properties(columns, item)}}}`;
        before = ',\n';
        return row;
      },
      tail: () => '\n]}\n',
    };
  });
}

function properties<T>(columns: readonly Column<T>[], item: T): string {
  let text = '';
  for (const column of columns) {
    const value = propertyOf(column, item);
    if (value !== null) text += `${text === '' ? '' : ','}"${column.name}":${value}`;
  }
  return text;
}

function propertyOf<T>(column: Column<T>, item: T): string | null {
  if (isText(column)) {
    const text = column.get(item);
    if (text === null) return null;
    return column.kind === 'json' ? plainJson(text) : jsonString(text);
  }
  const value = column.get(item);
  if (value === null) return null;
  return column.kind === 'time' ? `"${timeText(value)}"` : String(value);
}
