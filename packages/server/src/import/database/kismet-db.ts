import { parseJson } from '@pisync/protocol';
import { secondsToTime } from '../file-time.ts';
import { importDetection } from '../import-detection.ts';
import type { ImportContext, ImportItem } from '../import-item.ts';
import type { SqliteFile, SqliteRow } from './sqlite-file.ts';

/** Devices whose names and security are held while packets are read. */
const maxKnownDevices = 1000;

/** Largest JSON of one device that is read, in bytes. */
const maxDeviceBytes = 4_194_304;

/** Before this version of the database, coordinates were whole numbers of 1/100,000 degree. */
const firstFloatVersion = 5;
const oldScale = 100_000;

/** What a packet does not say about the device that sent it. */
interface KnownDevice {
  readonly type: 'wifi' | 'bluetooth' | 'ble';
  readonly name: string | null;
  readonly capabilities: string | null;
  readonly channel: number | null;
  readonly manufacturer: string | null;
}

/**
 * Reads a `.kismet` log: a detection for each packet with a place that an access point or a Bluetooth device sent, and one for each such
 * device of which no packet has a place, at the time of first sight with the strongest signal and the average place. Stations and other
 * radios (sensors, aircraft) are passed over.
 */
export async function* readKismetDb(file: SqliteFile, context: ImportContext): AsyncGenerator<ImportItem> {
  const version = Number(file.one('SELECT db_version AS version FROM KISMET')?.['version'] ?? 0);
  const reader = new KismetReader(file, context, version < firstFloatVersion ? oldScale : 1);
  const packets = file.columns('packets');
  if (packets.has('sourcemac')) yield* reader.packets(packets);
  if (file.columns('devices').has('devmac')) yield* reader.devices(packets.has('sourcemac'));
}

class KismetReader {
  readonly #file: SqliteFile;
  readonly #context: ImportContext;
  readonly #scale: number;
  readonly #known = new Map<string, KnownDevice | null>();
  #row = 0;

  constructor(file: SqliteFile, context: ImportContext, scale: number) {
    this.#file = file;
    this.#context = context;
    this.#scale = scale;
  }

  async *packets(columns: ReadonlySet<string>): AsyncGenerator<ImportItem> {
    const wanted = [
      'ts_sec',
      'ts_usec',
      'phyname',
      'sourcemac',
      'lat',
      'lon',
      'alt',
      'speed',
      'heading',
      'signal',
      'frequency',
    ];
    const present = wanted.filter((name) => columns.has(name)).join(', ');
    const device = `SELECT type, CASE WHEN length(device) <= ${maxDeviceBytes} THEN device END AS device
      FROM devices WHERE phyname = ? AND devmac = ?`;
    const find = this.#file.lookup(device);
    for await (const row of this.#file.rows(
      `SELECT ${present} FROM packets WHERE lat <> 0 OR lon <> 0 ORDER BY rowid`,
    )) {
      this.#row += 1;
      const known = this.#device(row, find);
      if (known !== null) yield this.#detection(row, known, packetOf(row));
    }
  }

  async *devices(packets: boolean): AsyncGenerator<ImportItem> {
    const placed = 'SELECT sourcemac FROM packets WHERE (lat <> 0 OR lon <> 0) AND sourcemac IS NOT NULL';
    const rows =
      this.#file.rows(`SELECT first_time, last_time, phyname, devmac AS sourcemac, strongest_signal AS signal,
      avg_lat AS lat, avg_lon AS lon, type, CASE WHEN length(device) <= ${maxDeviceBytes} THEN device END AS device
      FROM devices ${packets ? `WHERE devmac NOT IN (${placed})` : ''} ORDER BY rowid`);
    for await (const row of rows) {
      this.#row += 1;
      const known = knownDevice(row['phyname'] ?? null, row);
      if (known !== null) yield this.#detection(row, known, deviceOf(row, known));
    }
  }

  #detection(row: SqliteRow, known: KnownDevice, own: Record<string, unknown>): ImportItem {
    const record = {
      ...own,
      type: known.type,
      identity: row['sourcemac'],
      name: known.name,
      capabilities: known.capabilities,
      // 0 is what Kismet writes where the capture source told no signal.
      signal_dbm: row['signal'] === 0 ? null : row['signal'],
      position: {
        ...(own['position'] as object),
        lat: this.#degrees(row['lat']),
        lon: this.#degrees(row['lon']),
      },
    };
    return importDetection(
      this.#row,
      record,
      () => JSON.stringify({ ...row, device: undefined }),
      this.#context.deviceId,
    );
  }

  #degrees(value: SqliteRow[string] | undefined): unknown {
    return typeof value === 'number' ? value / this.#scale : value;
  }

  /** What is known of a packet's sender, null where its packets are not wanted. */
  #device(row: SqliteRow, find: (...key: string[]) => SqliteRow | undefined): KnownDevice | null {
    const key = `${row['phyname']} ${row['sourcemac']}`;
    const before = this.#known.get(key);
    if (before !== undefined) return before;
    const device = find(String(row['phyname']), String(row['sourcemac']));
    const known = device === undefined ? null : knownDevice(row['phyname'] ?? null, device);
    if (this.#known.size >= maxKnownDevices) this.#known.clear();
    this.#known.set(key, known);
    return known;
  }
}

function packetOf(row: SqliteRow): Record<string, unknown> {
  const seconds = Number(row['ts_sec'] ?? 0);
  const khz = row['frequency'];
  return {
    timestamp: seconds > 0 ? secondsToTime(seconds + Number(row['ts_usec'] ?? 0) / 1e6) : null,
    frequency_mhz: typeof khz === 'number' && khz > 0 ? khz / 1000 : null,
    position: {
      altitude: row['alt'] ?? null,
      heading: row['heading'] ?? null,
      speed_kmh: row['speed'] ?? null,
    },
  };
}

function deviceOf(row: SqliteRow, known: KnownDevice): Record<string, unknown> {
  const last = secondsToTime(row['last_time']);
  return {
    timestamp: secondsToTime(row['first_time']),
    channel: known.channel,
    metadata: {
      kismet_type: row['type'] ?? null,
      ...(last === null ? {} : { last_seen: new Date(last).toISOString() }),
      ...(known.manufacturer === null ? {} : { manufacturer: known.manufacturer }),
    },
  };
}

function knownDevice(phy: SqliteRow[string], row: SqliteRow): KnownDevice | null {
  const kind = String(row['type'] ?? '');
  const wifi = phy === 'IEEE802.11';
  if (wifi ? !/\bAP\b|Ad-?Hoc/i.test(kind) : phy !== 'Bluetooth' && phy !== 'BTLE') return null;
  const device = jsonOf(row['device']);
  const base = (name: string) => textOf(device[`kismet.device.base.${name}`]);
  const dot11 = recordOf(device['dot11.device']);
  const beacon = recordOf(dot11['dot11.device.last_beaconed_ssid_record']);
  const ssid =
    textOf(dot11['dot11.device.last_beaconed_ssid']) ?? textOf(beacon['dot11.advertisedssid.ssid']);
  const channel = Number(base('channel') ?? Number.NaN);
  const ble = phy === 'BTLE' || /btle|\ble\b/i.test(kind);
  return {
    type: wifi ? 'wifi' : ble ? 'ble' : 'bluetooth',
    name: wifi ? ssid : base('name'),
    capabilities: wifi ? base('crypt') : null,
    channel: Number.isInteger(channel) && channel > 0 ? channel : null,
    manufacturer: base('manuf'),
  };
}

function jsonOf(value: SqliteRow[string] | undefined): Record<string, unknown> {
  try {
    const text = value instanceof Uint8Array ? new TextDecoder().decode(value) : value;
    return recordOf(typeof text === 'string' ? parseJson(text) : null);
  } catch {
    // A damaged description of a device costs its name, not its packets.
    return {};
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Text that is worth keeping; null where it is none or empty. */
function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, 512).toWellFormed() : null;
}
