import { GridBuilder } from '../../../../core/detections/grid.ts';
import type { GridAnswer, GridQuery, NetworkFilter } from '../../../../ports/detection-store.ts';
import type { Session } from '../connection/session.ts';
import { type RowReader, readRows } from '../wire/read-rows.ts';
import {
  type Asked,
  askDetections,
  askNetworks,
  type JudgedDetection,
  type JudgedNetwork,
  whereAll,
} from './conditions.ts';
import { tileOf, tileShift } from './tile-code.ts';

/** Counts detections by map tile. */
export function detectionGrid(session: Session, query: GridQuery): Promise<GridAnswer> {
  return countTiles<JudgedDetection>(session, query, {
    table: 'detection',
    asked: askDetections(query.filter),
    columns: 'lat, lon, name',
    read: (row) => ({ lat: row.double(), lon: row.double(), name: row.text() }),
  });
}

/** Counts networks by the tile of their estimated position. */
export function networkGrid(
  session: Session,
  query: Omit<GridQuery, 'filter'> & { readonly filter: NetworkFilter & Pick<GridQuery['filter'], 'box'> },
): Promise<GridAnswer> {
  return countTiles<JudgedNetwork & Place>(session, query, {
    table: 'network',
    asked: askNetworks(query.filter),
    columns: 'lat, lon, name, identity',
    read: (row) => ({
      lat: row.double(),
      lon: row.double(),
      name: row.text(),
      identity: row.text() as string,
    }),
  });
}

interface Place {
  readonly lat: number | null;
  readonly lon: number | null;
}

/** What is counted: rows of a table with `tile`, `lat`, `lon` and `signal_dbm`, all of them with a position. */
interface Counted<Row extends Place> {
  readonly table: string;
  readonly asked: Asked<Row>;
  /** What the rest of the filter judges. */
  readonly columns: string;
  read(row: RowReader): Row;
}

async function countTiles<Row extends Place>(
  session: Session,
  {
    filter,
    zoom,
    limit,
  }: Pick<GridQuery, 'zoom' | 'limit'> & { readonly filter: Pick<GridQuery['filter'], 'box'> },
  { table, asked, columns, read }: Counted<Row>,
): Promise<GridAnswer> {
  const grid = new GridBuilder({ box: filter.box, zoom, limit });
  const { conditions, judge } = asked;
  const cell = `tile >> ${tileShift(zoom)}`;
  if (judge === undefined) {
    const query = `SELECT ${cell} AS cell, count(*), max(signal_dbm), sum(${units('lat')}), sum(${units('lon')})
      FROM ${table} WHERE ${whereAll(conditions)} GROUP BY cell`;
    await readRows(session, query, (row) => addCell(grid, row));
  } else {
    const where = whereAll([...conditions, ...judge.likely]);
    const query = `SELECT ${cell}, signal_dbm, ${columns} FROM ${table} WHERE ${where}`;
    await readRows(session, query, (row) => {
      const { x, y } = tileOf(row.bigint() as number);
      const signal = row.double() ?? Number.NaN;
      const place = read(row);
      if (judge.accepts(place)) grid.addCell(x, y, 1, signal, place.lat as number, place.lon as number);
    });
  }
  return grid.answer();
}

function addCell(grid: GridBuilder, row: RowReader): void {
  const { x, y } = tileOf(row.bigint() as number);
  const count = row.bigint() as number;
  const strongest = row.double() ?? Number.NaN;
  grid.addSums(x, y, count, strongest, row.bigint() as number, row.bigint() as number);
}

/** Steps of 1e-7 degrees, halves away from zero, by the same operations on doubles as in core/detections/grid.ts. */
function units(degrees: string): string {
  return `trunc(${degrees} * 1e7::float8 + CASE WHEN ${degrees} < 0 THEN -0.5::float8 ELSE 0.5::float8 END)::int`;
}
