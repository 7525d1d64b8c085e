import { parseFileTime } from '../file-time.ts';
import { importDetection } from '../import-detection.ts';
import {
  type ByteSource,
  type ImportContext,
  type ImportItem,
  type ItemLists,
  rowProblem,
} from '../import-item.ts';
import { CsvRows, maxRowBytes } from './csv-rows.ts';

/** Most separators in a name: more are damage. */
const maxSeparators = 20;

/**
 * Reads the CSV of Kismet before 2018 and of airodump-ng: fields with `;` between them and no quotes, columns found by their names.
 *
 * A row is a network, not an observation: it becomes one detection at the time of first sight and the place of the best signal. Times
 * have no zone and count as UTC.
 */
export async function* readKismetCsv(source: ByteSource, context: ImportContext): ItemLists {
  const reader = new KismetRows(context);
  for await (const chunk of source) {
    reader.rows.push(chunk);
    yield reader.take();
  }
  reader.rows.end();
  yield reader.take();
}

class KismetRows {
  readonly rows = new CsvRows({ separator: 59, quotes: false });
  readonly #context: ImportContext;
  #columns: readonly string[] = [];
  #extra = 0;

  constructor(context: ImportContext) {
    this.#context = context;
  }

  /** All items that are complete. */
  take(): ImportItem[] {
    const items: ImportItem[] = [];
    while (this.rows.next()) {
      const first = this.rows.field(0).replace(/^\ufeff/, '');
      if (first !== 'Network') {
        items.push(this.#item());
        continue;
      }
      this.#columns = Array.from({ length: this.rows.count }, (_, at) => this.rows.field(at));
      if (this.#columns.at(-1) === '') this.#columns = this.#columns.slice(0, -1);
    }
    return items;
  }

  #item(): ImportItem {
    const { rows } = this;
    const bad = (code: 'invalid_item' | 'invalid_timestamp', field: string | null, detail: string) =>
      rowProblem(rows.line, code, field, detail, rows.text, this.#context);
    if (rows.tooLong) return bad('invalid_item', null, `the row is longer than ${maxRowBytes} bytes`);
    if (this.#columns.length === 0) {
      return bad('invalid_item', null, 'the row stands before the header, which begins with Network;NetType');
    }
    // Most writers put a separator behind the last field as well.
    const count = rows.field(rows.count - 1) === '' ? rows.count - 1 : rows.count;
    this.#extra = count - this.#columns.length;
    // The columns at the end, addresses and sizes, are often left out.
    const cut = this.#extra < 0 && count <= this.#columns.indexOf('GPSBestLon');
    if (cut || this.#extra > maxSeparators) {
      const detail = `the row has ${count} fields where the header has ${this.#columns.length}; it may be cut off`;
      return bad('invalid_item', null, detail);
    }
    this.#extra = Math.max(0, this.#extra);
    const time = parseFileTime(this.#text('FirstTime'));
    if (Number.isNaN(time)) {
      const shown = JSON.stringify(this.#text('FirstTime').slice(0, 40));
      return bad(
        'invalid_timestamp',
        'FirstTime',
        `FirstTime is ${shown}, not a time such as Fri Nov 20 08:30:00 2026`,
      );
    }
    return importDetection(rows.line, this.#record(time), () => rows.text, this.#context.deviceId);
  }

  #record(time: number | null): Record<string, unknown> {
    const channel = this.#number('Channel');
    const signal = this.#number('BestSignal');
    const encryption = this.#text('Encryption').trim();
    const lat = this.#number('GPSBestLat');
    const lon = this.#number('GPSBestLon');
    return {
      type: 'wifi',
      identity: this.#text('BSSID').trim(),
      name: this.#text('ESSID'),
      timestamp: time,
      channel: channel !== null && Number.isInteger(channel) && channel > 0 ? channel : null,
      capabilities: encryption,
      // Without a receiver of its own scale, Kismet writes 0 and airodump-ng -1.
      signal_dbm: signal === 0 || signal === -1 ? null : signal,
      position: { lat, lon, altitude: this.#number('GPSBestAlt') },
      metadata: this.#metadata(),
    };
  }

  #metadata(): Record<string, unknown> {
    const metadata: Record<string, unknown> = {};
    const type = this.#text('NetType').trim();
    if (type !== '') metadata['network_type'] = type;
    const last = parseFileTime(this.#text('LastTime'));
    if (last !== null && !Number.isNaN(last)) metadata['last_seen'] = new Date(last).toISOString();
    const packets = this.#number('Total');
    if (packets !== null && packets > 0) metadata['packets'] = packets;
    return metadata;
  }

  /** Separators in a name are not escaped: what is too much belongs to it. */
  #at(name: string): number {
    const place = this.#columns.indexOf(name);
    return place > this.#columns.indexOf('ESSID') ? place + this.#extra : place;
  }

  #text(name: string): string {
    const at = this.#at(name);
    return name === 'ESSID' && this.#extra > 0 ? this.rows.span(at, at + this.#extra) : this.rows.field(at);
  }

  #number(name: string): number | null {
    const value = this.rows.number(this.#at(name));
    return Number.isNaN(value) ? null : value;
  }
}
