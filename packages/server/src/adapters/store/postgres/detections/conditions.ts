import { type DetectionType, detectionTypes } from '@pisync/protocol';
import type { DetectionFilter, GeoBox } from '../../../../core/detections/detection-filter.ts';
import { greatCircle } from '../../../../core/detections/great-circle.ts';
import { boundingBox } from '../../../../core/detections/match-detections.ts';
import type { NetworkFilter } from '../../../../ports/detection-store.ts';
import {
  bigintLiteral,
  doubleLiteral,
  millisecondsLiteral,
  textListLiteral,
  textLiteral,
} from '../wire/literals.ts';
import { codeRanges } from './tile-code.ts';

/** What a filter asks for: of the database all that means the same there, of {@link Judge} the rest. */
export interface Asked<Row> {
  /** To be joined by AND. All rows that are meant meet them. */
  readonly conditions: readonly string[];
  /** Undefined where the conditions are all that is asked. */
  readonly judge: Judge<Row> | undefined;
}

/** Conditions that JavaScript judges otherwise than a database. */
export interface Judge<Row> {
  /** Further conditions that all rows meet which are accepted, and not many others. */
  readonly likely: readonly string[];
  accepts(row: Row): boolean;
}

/** What of a detection the database cannot judge as JavaScript does. */
export interface JudgedDetection {
  readonly name: string | null;
  readonly lat: number | null;
  readonly lon: number | null;
}

/** The rows of `detection` that a filter means. */
export function askDetections(filter: DetectionFilter): Asked<JudgedDetection> {
  const { from, to, box, around, deviceIds, identity, minSignal, maxSignal, search } = filter;
  const conditions: string[] = [];
  if (from !== undefined) conditions.push(`timestamp >= ${millisecondsLiteral(from)}`);
  if (to !== undefined) conditions.push(`timestamp < ${millisecondsLiteral(to)}`);
  if (box !== undefined) conditions.push(...inBox(box));
  if (around !== undefined) conditions.push(...inBox(boundingBox(around)));
  if (minSignal !== undefined) conditions.push(`signal_dbm >= ${doubleLiteral(minSignal)}`);
  if (maxSignal !== undefined) conditions.push(`signal_dbm <= ${doubleLiteral(maxSignal)}`);
  if (deviceIds !== undefined) conditions.push(isOneOf('device_id', deviceIds));
  if (identity !== undefined) conditions.push(`identity = ${textLiteral(identity)}`);
  conditions.push(...looksLike(filter));
  if (search === undefined && around === undefined) return { conditions, judge: undefined };
  const likely = search === undefined ? [] : mayBeFound(['name'], search);
  const part = search?.toLowerCase();
  const accepts = ({ name, lat, lon }: JudgedDetection): boolean => {
    if (part !== undefined && name?.toLowerCase().includes(part) !== true) return false;
    if (around === undefined) return true;
    return lat !== null && lon !== null && greatCircle(around.lat, around.lon, lat, lon) <= around.radius;
  };
  return { conditions, judge: { likely, accepts } };
}

/** What of a network the database cannot judge as JavaScript does. */
export interface JudgedNetwork {
  readonly name: string | null;
  readonly identity: string;
}

/** The rows of `network` that a filter means. */
export function askNetworks(filter: NetworkFilter): Asked<JudgedNetwork> {
  const { box, minSignal, search, firstSeenFrom, lastSeenFrom } = filter;
  const conditions: string[] = [];
  if (box !== undefined) conditions.push(...inBox(box));
  if (minSignal !== undefined) conditions.push(`signal_dbm >= ${doubleLiteral(minSignal)}`);
  if (firstSeenFrom !== undefined) conditions.push(`first_seen_at >= ${millisecondsLiteral(firstSeenFrom)}`);
  if (lastSeenFrom !== undefined) conditions.push(`last_seen_at >= ${millisecondsLiteral(lastSeenFrom)}`);
  conditions.push(...looksLike(filter));
  if (search === undefined) return { conditions, judge: undefined };
  const part = search.toLowerCase();
  const accepts = ({ name, identity }: JudgedNetwork): boolean =>
    (name ?? '').toLowerCase().includes(part) || identity.toLowerCase().includes(part);
  return { conditions, judge: { likely: mayBeFound(['name', 'identity'], search), accepts } };
}

/** The conditions, as they stand after WHERE. */
export function whereAll(conditions: readonly string[]): string {
  return conditions.length === 0 ? 'true' : conditions.join(' AND ');
}

function looksLike({
  types,
  name,
  security,
}: {
  readonly types?: readonly DetectionType[] | undefined;
  readonly name?: string | undefined;
  readonly security?: string | undefined;
}): string[] {
  const conditions: string[] = [];
  if (types !== undefined) {
    const places = types.map((type) => detectionTypes.indexOf(type));
    conditions.push(`type = ANY ('{${places.join(',')}}'::smallint[])`);
  }
  if (name !== undefined) conditions.push(`name = ${textLiteral(name)}`);
  if (security !== undefined) {
    conditions.push(`${textLiteral(security)} = ANY (string_to_array(security, ','))`);
  }
  return conditions;
}

/** One value is asked for as such, so that an index on it and a time gives the order, too. */
function isOneOf(column: string, texts: readonly string[]): string {
  const [first] = texts;
  if (first !== undefined && texts.length === 1) return `${column} = ${textLiteral(first)}`;
  return `${column} = ANY (${textListLiteral(texts)})`;
}

/** Boxes that are wider than this part of the world are not looked for in an index. */
const WIDE_SHARE = 1 / 4;
const ALL_CODES = 2 ** 48;

/** Rows whose `lat` and `lon` lie in a box, edges included; `tile` is for an index only. */
export function inBox(box: GeoBox): string[] {
  const [south, north, west, east] = [box.south, box.north, box.west, box.east].map(doubleLiteral);
  const conditions = [
    `lat >= ${south} AND lat <= ${north}`,
    box.west <= box.east ? `lon >= ${west} AND lon <= ${east}` : `(lon >= ${west} OR lon <= ${east})`,
  ];
  const ranges = codeRanges(box);
  const share = ranges.reduce((sum, { from, to }) => sum + (to - from + 1), 0) / ALL_CODES;
  if (ranges.length > 0 && share < WIDE_SHARE) {
    const searches = ranges.map(
      ({ from, to }) => `tile BETWEEN ${bigintLiteral(from)} AND ${bigintLiteral(to)}`,
    );
    conditions.push(`(${searches.join(' OR ')})`);
  }
  return conditions;
}

/** Runs of plain letters, digits and signs. */
const PLAIN = /[\u0020-\u007e]+/g;
const BEYOND_ASCII = /[\u0080-\uffff]/;

/** The only characters beyond ASCII whose lower case in JavaScript holds one of ASCII: those for i with a dot, and for Kelvin. */
const BECOME_PLAIN = ['\u0130', '\u212a'];

/**
 * Conditions that every row meets of which a column holds a part in any case, as `toLowerCase` of JavaScript makes it. Upper
 * and lower case of a database depend on its collation, and are others than those of JavaScript; with collation C only ASCII
 * has both. So the runs of ASCII in the part are looked for, and, where it has other characters, texts that have some, too.
 */
function mayBeFound(columns: readonly string[], search: string): string[] {
  const part = search.toLowerCase();
  const ways = columns.map((column) => {
    const runs = (part.match(PLAIN) ?? []).map((run) =>
      anyOf([
        `strpos(lower(${column} COLLATE "C"), ${textLiteral(run)}) > 0`,
        ...BECOME_PLAIN.map((character) => `strpos(${column}, ${textLiteral(character)}) > 0`),
      ]),
    );
    const other = BEYOND_ASCII.test(part) ? [`octet_length(${column}) > length(${column})`] : [];
    return whereAll([...runs, ...other]);
  });
  return [anyOf(ways)];
}

function anyOf(ways: readonly string[]): string {
  return `(${ways.join(' OR ')})`;
}
