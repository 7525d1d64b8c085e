/** Formats that can be imported; which kind of database a `sqlite` file is, its tables tell. */
export type ImportFormat =
  | 'wigle-csv'
  | 'kismet-csv'
  | 'kismet-netxml'
  | 'gpx'
  | 'sqlite'
  | 'ndjson'
  | 'gzip';

/** Bytes that are enough to tell. */
export const detectBytes = 4096;

/**
 * Tells a file's format by what stands in it; names of files lie.
 *
 * @param firstBytes - the first `detectBytes` of the file, or all of it where it is shorter
 * @returns null where it is none of the formats
 */
export function detectFormat(firstBytes: Uint8Array): ImportFormat | null {
  const head = Buffer.from(firstBytes.subarray(0, detectBytes)).toString('latin1');
  if (head.startsWith('SQLite format 3\0')) return 'sqlite';
  if (head.startsWith('\x1f\x8b')) return 'gzip';
  const text = head.replace(/^\xef\xbb\xbf/, '').trimStart();
  if (/^"?WigleWifi-/i.test(text)) return 'wigle-csv';
  if (/^(?:mac|netid),ssid,/i.test(text)) return 'wigle-csv';
  if (/^Network;NetType;ESSID;BSSID;/.test(text)) return 'kismet-csv';
  if (text.startsWith('{')) return 'ndjson';
  if (text.startsWith('<')) return xmlFormat(text);
  return null;
}

/** By the first element; comments, instructions and the document type may stand before it. */
function xmlFormat(text: string): ImportFormat | null {
  const root = /<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)/.exec(text.replace(/<!--[\s\S]*?-->/g, ''))?.[1];
  if (root === 'gpx') return 'gpx';
  return root === 'detection-run' || root === 'wireless-network' ? 'kismet-netxml' : null;
}
