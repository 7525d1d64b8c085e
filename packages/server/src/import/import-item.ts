import type { Detection, ItemProblem } from '@pisync/protocol';

/** Longest text of a bad row that is kept, in UTF-16 code units. */
const maxKeptText = 1024;

/** One point of a GPS track. */
export interface TrackPoint {
  /** The receiver's clock, epoch milliseconds; null where the file has no time. */
  readonly deviceTime: number | null;
  /** Degrees, -90 to 90. */
  readonly lat: number;
  /** Degrees, -180 to 180. */
  readonly lon: number;
  /** Metres above sea level. */
  readonly altitude: number | null;
  /** Radius of uncertainty in metres. */
  readonly accuracy: number | null;
  /** Degrees from north, 0 or more and under 360. */
  readonly heading: number | null;
  /** Metres per second. */
  readonly speed: number | null;
  /** Name of the track or id of the scan session; hostile text. */
  readonly track: string | null;
  /** Part of the track, from 0: between two parts the receiver was off or had no fix. */
  readonly segment: number;
}

/**
 * One thing that a file holds. `line` is the line on which it begins, from 1; in a database, the number of the row among all that
 * were read. It only grows.
 */
export type ImportItem =
  | { readonly line: number; readonly detection: Detection }
  | { readonly line: number; readonly track: TrackPoint }
  | {
      readonly line: number;
      readonly problem: ItemProblem;
      /** The bad row as it stands in the file, at most `maxKeptText` units of it; hostile text. */
      readonly text: string;
    };

/** What the reader of a file is told beside the file. */
export interface ImportContext {
  /** The device whose observations these are; formats other than NDJSON cannot name one. */
  readonly deviceId: string;
  /** True to let each line of NDJSON name a device of its own; else a line that names another one is refused. */
  readonly trustDeviceIds?: boolean;
}

/** Bytes of a file in order, in pieces of any size. */
export type ByteSource = AsyncIterable<Uint8Array>;

/** Items in the order of the file, in lists of any length: those that one piece of the file holds. */
export type ItemLists = AsyncGenerator<readonly ImportItem[]>;

/**
 * Reads a file of one format from its bytes. Holds one row and the items of one piece, whatever the size of the file. Never throws for
 * what the file holds.
 */
export type FormatReader = (source: ByteSource, context: ImportContext) => ItemLists;

/** A problem of one row. */
export function rowProblem(
  line: number,
  code: ItemProblem['code'],
  field: string | null,
  detail: string,
  text: string,
  context: ImportContext,
): ImportItem {
  return { line, problem: { code, field, detail, deviceId: context.deviceId }, text: keptText(text) };
}

/** The part of a bad row that is kept. */
export function keptText(text: string): string {
  return text.slice(0, maxKeptText).toWellFormed();
}
