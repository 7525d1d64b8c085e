import {
  cellIdentity,
  DetectionDraft,
  type DetectionNumber,
  type DetectionType,
  detectionField,
} from '@pisync/protocol';
import { parseFileTime } from '../file-time.ts';
import { importDraft } from '../import-detection.ts';
import {
  type ByteSource,
  type ImportContext,
  type ImportItem,
  type ItemLists,
  keptText,
  rowProblem,
} from '../import-item.ts';
import { CsvRows, maxRowBytes } from './csv-rows.ts';

/** The columns that are read, by their number here; WiGLE's names in lower case. */
const columnNames: readonly string[] = [
  'mac',
  'ssid',
  'authmode',
  'firstseen',
  'channel',
  'frequency',
  'rssi',
  'currentlatitude',
  'currentlongitude',
  'altitudemeters',
  'accuracymeters',
  'rcois',
  'mfgrid',
  'type',
];

/** The number of each column. */
const column = {
  mac: 0,
  ssid: 1,
  authmode: 2,
  firstseen: 3,
  channel: 4,
  frequency: 5,
  rssi: 6,
  lat: 7,
  lon: 8,
  altitude: 9,
  accuracy: 10,
  rcois: 11,
  mfgrid: 12,
  type: 13,
} as const;

/** Columns without a header line, by version: 1.6 added three to those of 1.4. */
const columns14 = columnNames.filter((name) => !['frequency', 'rcois', 'mfgrid'].includes(name));

interface Radio {
  readonly type: DetectionType;
  /** Of a cell. */
  readonly technology?: string;
}

/** WiGLE's names of the radios, and the single letters of its database. */
const types: Readonly<Record<string, Radio>> = {
  WIFI: { type: 'wifi' },
  W: { type: 'wifi' },
  BT: { type: 'bluetooth' },
  B: { type: 'bluetooth' },
  BLE: { type: 'ble' },
  E: { type: 'ble' },
  GSM: { type: 'cellular', technology: 'gsm' },
  G: { type: 'cellular', technology: 'gsm' },
  CDMA: { type: 'cellular', technology: 'cdma' },
  C: { type: 'cellular', technology: 'cdma' },
  WCDMA: { type: 'cellular', technology: 'wcdma' },
  D: { type: 'cellular', technology: 'wcdma' },
  LTE: { type: 'cellular', technology: 'lte' },
  L: { type: 'cellular', technology: 'lte' },
  NR: { type: 'cellular', technology: 'nr' },
  N: { type: 'cellular', technology: 'nr' },
};

/** Largest channel that a detection can have. */
const maxChannel = 0xff_ff_ff_ff;

/** What PiSync's own export does to texts that start like a formula: a `'` in front. */
const madePlain = /^'+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** An SSID has at most 32 bytes; one with a line end that is longer and holds the start of a row has swallowed rows. */
const maxSsidLength = 32;
const rowInside = /\n(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5}|\d{1,6}_\d+_\d+),/i;

/** A row that cannot be read; `field` is the column as WiGLE names it. */
class RowFault {
  readonly code: 'invalid_item' | 'invalid_type' | 'invalid_text' | 'invalid_timestamp';
  readonly field: string | null;
  readonly detail: string;

  constructor(code: RowFault['code'], field: string | null, detail: string) {
    this.code = code;
    this.field = field;
    this.detail = detail;
  }
}

/**
 * Reads WiGLE CSV 1.4 and 1.6, and what calls itself so: columns are found by their names, the first line (`WigleWifi-1.6,…`) and the
 * header may be missing. Times are UTC, as WiGLE writes them. Rows cut in half, unknown types and corrupt addresses are problems; a row
 * with commas in a name without quotes is mended where the rest of it fits. In files that PiSync wrote, texts that were made plain for
 * spreadsheets are as they were again.
 */
export async function* readWigleCsv(source: ByteSource, context: ImportContext): ItemLists {
  const reader = new WigleRows(context);
  for await (const chunk of source) {
    reader.rows.push(chunk);
    yield reader.take();
  }
  reader.rows.end();
  yield reader.take();
}

/** Makes import items of the rows of one file. */
class WigleRows {
  readonly rows = new CsvRows({ separator: 44, quotes: true });
  readonly #context: ImportContext;
  /** Place of each column in a row, -1 where the file has none. */
  readonly #places = new Int32Array(columnNames.length);
  #columns: readonly string[] = columnNames;
  #headPassed = false;
  /** True in a file that PiSync wrote. */
  #ours = false;
  /** Fields that the name takes besides its own, because its commas are not quoted. */
  #extra = 0;
  readonly #draft = new DetectionDraft();
  readonly #rowText = () => this.rows.text;
  /** The type of the row before as it stood there, and what it meant. */
  #lastType = 'WIFI';
  #lastRadio: Radio = { type: 'wifi' };

  constructor(context: ImportContext) {
    this.#context = context;
    this.#setColumns(columnNames);
  }

  /** All items that are complete. */
  take(): ImportItem[] {
    const items: ImportItem[] = [];
    while (this.rows.next()) {
      if (!this.#headPassed && this.#readHead()) continue;
      const item = this.#item();
      // Files that were put one behind the other have heads in between.
      if ('problem' in item && this.#readHead()) continue;
      items.push(item);
    }
    return items;
  }

  /** Reads a line before the data. @returns false where it is data already */
  #readHead(): boolean {
    const first = this.rows.field(0).replace(/^\ufeff/, '');
    if (/^wiglewifi-/i.test(first)) {
      this.#setColumns(/-1\.[0-5]$/.test(first) ? columns14 : columnNames);
      this.#ours = this.#headFields().includes('brand=PiSync');
      return true;
    }
    this.#headPassed = true;
    if (first.trim().toLowerCase() !== 'mac' && first.trim().toLowerCase() !== 'netid') return false;
    const names = this.#headFields().map((name) => name.toLowerCase());
    this.#setColumns(['mac', ...names.slice(1)]);
    return true;
  }

  #headFields(): string[] {
    return Array.from({ length: this.rows.count }, (_, at) => this.rows.field(at).trim());
  }

  #setColumns(names: readonly string[]): void {
    this.#columns = names;
    for (const [at, name] of columnNames.entries()) this.#places[at] = names.indexOf(name);
  }

  #item(): ImportItem {
    const { rows } = this;
    const { line } = rows;
    try {
      this.#checkShape();
      this.#fill();
      const item = importDraft(line, this.#draft, this.#rowText, this.#context);
      // What a quote that was never closed swallowed is not lost with it.
      if (!('problem' in item) || !rows.manyLines) return item;
      rows.onlyFirstLine();
      return { ...item, text: keptText(rows.text) };
    } catch (fault) {
      if (!(fault instanceof RowFault)) throw fault;
      rows.onlyFirstLine();
      return rowProblem(line, fault.code, fault.field, fault.detail, rows.text, this.#context);
    }
  }

  /** Counts the fields, which tells rows that were cut, and finds commas in a name. */
  #checkShape(): void {
    const { rows } = this;
    this.#extra = 0;
    if (rows.tooLong) {
      const detail = `the row does not end within ${maxRowBytes} bytes; a quote may not be closed`;
      throw new RowFault('invalid_item', null, detail);
    }
    const wanted = this.#columns.length;
    const extra = rows.count - wanted;
    if (extra === 0) return;
    if (extra > 0 && extra < 32 && this.#at(column.ssid) !== -1) {
      this.#extra = extra;
      const time = parseFileTime(this.#text(column.firstseen));
      if (time === null || !Number.isNaN(time)) return;
    }
    const detail = `the row has ${rows.count} fields where the header has ${wanted}; it may be cut off`;
    throw new RowFault('invalid_item', null, detail);
  }

  #at(number: number): number {
    const place = this.#places[number] as number;
    const behind = this.#extra > 0 && place > (this.#places[column.ssid] as number);
    return behind ? place + this.#extra : place;
  }

  #text(number: number): string {
    return this.rows.field(this.#at(number));
  }

  #name(): string {
    const at = this.#at(column.ssid);
    return this.#extra === 0 ? this.#words(column.ssid) : this.rows.span(at, at + this.#extra);
  }

  /** A text that anybody may have chosen. */
  #words(number: number): string {
    const text = this.#text(number);
    return this.#ours && madePlain.test(text) ? text.slice(1) : text;
  }

  /** Puts a number into the draft; what is not finite is left to the decoder. */
  #put(field: DetectionNumber, number: number): void {
    const value = this.rows.number(this.#at(number));
    this.#draft.number(field, Number.isNaN(value) ? this.#noNumber(number) : value);
  }

  /** A number, null where the field is empty. */
  #number(number: number): number | null {
    const value = this.rows.number(this.#at(number));
    return Number.isNaN(value) ? this.#noNumber(number) : value;
  }

  /** What a field says that is no number: nothing, or that it is not one. */
  #noNumber(number: number): number | null {
    const text = this.#text(number).trim();
    if (text === '' || text === 'null') return null;
    if (/^[+-]?nan$/i.test(text)) return Number.NaN;
    const name = columnNames[number] as string;
    throw new RowFault('invalid_type', name, `${name} is ${JSON.stringify(text.slice(0, 40))}, not a number`);
  }

  #readRadio(): Radio {
    const text = this.#at(column.type) === -1 ? 'WIFI' : this.#text(column.type);
    if (text === this.#lastType) return this.#lastRadio;
    const word = text.trim().toUpperCase();
    const radio = Object.hasOwn(types, word) ? types[word] : undefined;
    if (radio === undefined) {
      const detail = `type is ${JSON.stringify(word.slice(0, 40))}; WiGLE knows WIFI, BT, BLE, GSM, CDMA, WCDMA, LTE and NR`;
      throw new RowFault('invalid_text', 'type', detail);
    }
    this.#lastType = text;
    this.#lastRadio = radio;
    return radio;
  }

  /** Puts the fields of the row into the draft. */
  #fill(): void {
    const radio = this.#readRadio();
    const channel = this.#number(column.channel);
    const frequency = this.#number(column.frequency);
    const wifi = radio.type === 'wifi';
    // Of cells the column holds the channel (ARFCN); of the others it is overloaded, with a device class for example.
    const tuned = radio.type === 'cellular' && isChannel(frequency);
    const told = tuned ? frequency : channel;
    const time = parseFileTime(this.#text(column.firstseen));
    if (Number.isNaN(time)) {
      const detail = `firstseen is ${JSON.stringify(this.#text(column.firstseen).slice(0, 40))}, not a time such as 2026-11-20 08:30:00`;
      throw new RowFault('invalid_timestamp', 'firstseen', detail);
    }
    const name = this.#name();
    if (name.length > maxSsidLength && rowInside.test(name)) {
      throw new RowFault(
        'invalid_item',
        'ssid',
        'ssid goes over the rows behind it; its quote is not closed',
      );
    }
    const draft = this.#draft;
    draft.begin(radio.type);
    const mac = this.#text(column.mac);
    draft.text(detectionField.identity, radio.type === 'cellular' ? cellOf(mac, radio) : mac);
    draft.text(detectionField.name, name);
    draft.number(detectionField.timestamp, time);
    draft.number(detectionField.channel, told !== null && told > 0 ? told : null);
    draft.number(detectionField.frequencyMhz, wifi && frequency !== null && frequency > 0 ? frequency : null);
    this.#put(detectionField.signalDbm, column.rssi);
    this.#put(detectionField.lat, column.lat);
    this.#put(detectionField.lon, column.lon);
    this.#put(detectionField.altitude, column.altitude);
    this.#put(detectionField.accuracy, column.accuracy);
    draft.text(detectionField.capabilities, this.#words(column.authmode));
    const metadata = this.#metadata(name, radio.technology, wifi || tuned ? null : frequency);
    if (metadata !== null) draft.metadata(metadata);
  }

  #metadata(
    name: string,
    technology: string | undefined,
    frequency: number | null,
  ): Record<string, unknown> | null {
    const rcois = this.#words(column.rcois);
    const mfgrid = this.#words(column.mfgrid);
    // What PiSync writes is UTF-8 throughout.
    const broken = !this.#ours && name.includes('\ufffd');
    const code = frequency === null || frequency === 0 ? null : frequency;
    if (rcois === '' && mfgrid === '' && technology === undefined && code === null && !broken) return null;
    const metadata: Record<string, unknown> = {};
    if (rcois !== '') metadata['rcois'] = rcois;
    if (mfgrid !== '') metadata['mfgr_id'] = mfgrid;
    if (technology !== undefined) metadata['technology'] = technology;
    if (code !== null) metadata['wigle_frequency'] = code;
    // An SSID is bytes, and not always those of UTF-8.
    if (broken)
      metadata['name_bytes'] = Buffer.from(this.rows.fieldBytes(this.#at(column.ssid))).toString('hex');
    return metadata;
  }
}

function isChannel(value: number | null): value is number {
  return value !== null && Number.isInteger(value) && value > 0 && value <= maxChannel;
}

/**
 * The identity of a cell: WiGLE writes `310260_42081_7711`, MCC and MNC in one number; CDMA cells have no MCC and come as system,
 * network and base station.
 */
function cellOf(key: string, radio: Radio): string {
  const parts = /^(\d{1,6})_(\d+)_(\d+)$/.exec(key.trim());
  if (parts === null) return key;
  const [operator, area, cell] = [parts[1] as string, Number(parts[2]), Number(parts[3])];
  if (radio.technology === 'cdma') return cellIdentity(0, Number(operator), area, cell) ?? key;
  if (operator.length < 4) return key;
  return cellIdentity(Number(operator.slice(0, 3)), Number(operator.slice(3)), area, cell) ?? key;
}
