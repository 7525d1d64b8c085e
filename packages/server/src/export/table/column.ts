/** A column of texts: `json` is the text of a JSON object, `text` anything a device said. */
export interface TextColumn<T> {
  readonly name: string;
  readonly kind: 'text' | 'json';
  /** Null stands for "not known". */
  readonly get: (item: T) => string | null;
}

/** A column of finite numbers: `integer` is whole and below 2^53, `time` epoch milliseconds. */
export interface NumberColumn<T> {
  readonly name: string;
  readonly kind: 'number' | 'integer' | 'time';
  /** Null stands for "not known". */
  readonly get: (item: T) => number | null;
}

/** One column of a table of detections or networks. */
export type Column<T> = TextColumn<T> | NumberColumn<T>;

export function isText<T>(column: Column<T>): column is TextColumn<T> {
  return column.kind === 'text' || column.kind === 'json';
}
