/** One line of a configuration file. */
export interface Setting {
  readonly name: string;
  /** As it stands in the file, quotes included. */
  readonly value: string;
  /** Why it has this value on this machine; one paragraph of plain text. */
  readonly reason: string;
}

/** Settings that belong together. */
export interface SettingGroup {
  /** A heading; in `pgbouncer.ini` it may be a section in brackets, which then is part of the syntax. */
  readonly title: string;
  readonly settings: readonly Setting[];
}

/** The files that are tuned. */
export type TunedFileName = 'postgresql.conf' | 'timescaledb.conf' | 'pgbouncer.ini';

/** A configuration file with its reasons. */
export interface TunedFile {
  readonly name: TunedFileName;
  /** What stands at its top: paragraphs of plain text. */
  readonly heading: readonly string[];
  readonly groups: readonly SettingGroup[];
}

/** Makes a {@link Setting}. */
export function setting(name: string, value: string | number, reason: string): Setting {
  return { name, value: String(value), reason };
}
