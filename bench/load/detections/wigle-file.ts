import { closeSync, openSync, writeSync } from 'node:fs';
import { Random } from '../random.ts';
import { type Sighting, Wardrive } from './wardrive.ts';

const head =
  'WigleWifi-1.6,appRelease=2.78,model=Pi,release=11,device=pi,display=none,board=pi,brand=pi,star=Sol,body=3,subBody=0\n' +
  'MAC,SSID,AuthMode,FirstSeen,Channel,Frequency,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,AccuracyMeters,RCOIs,MfgrId,Type\n';

const securities = [
  '[WPA2-PSK-CCMP-128][RSN-PSK-CCMP-128][ESS]',
  '[WPA2-PSK-CCMP-128][RSN-PSK+SAE-CCMP-128][ESS][MFPC]',
  '[WPA-PSK-TKIP][WPA2-PSK-CCMP][ESS][WPS]',
  '[ESS]',
] as const;

const chunkRows = 10_000;

/** What a generated file holds. */
export interface WigleFile {
  readonly rows: number;
  /** Rows that no reader can make sense of: cut off, or with a broken address. */
  readonly broken: number;
}

/**
 * Writes a WiGLE CSV 1.6 of drives through a city, a row per network and second. One row in a hundred is dirty as real
 * ones are: cut in half, a corrupt MAC, no position, 0,0 as position, a comma in a name without quotes.
 *
 * @param options.start - epoch seconds of the first row
 */
export function writeWigleFile(
  path: string,
  options: { readonly rows: number; readonly networks: number; readonly start: number },
): WigleFile {
  const drive = new Wardrive(options);
  const random = new Random(0x51f15e5);
  const file = openSync(path, 'w');
  let broken = 0;
  try {
    writeSync(file, head);
    for (let row = 0; row < options.rows; ) {
      let text = '';
      for (const end = Math.min(row + chunkRows, options.rows); row < end; row++) {
        const sighting = drive.next();
        const dirt = random.below(100) === 0 ? dirts[random.below(dirts.length)]! : clean;
        if (dirt.broken) broken++;
        text += `${dirt.row(sighting)}\n`;
      }
      writeSync(file, text);
    }
  } finally {
    closeSync(file);
  }
  return { rows: options.rows, broken };
}

/** What may be wrong with a row. */
interface Dirt {
  readonly broken: boolean;
  row(sighting: Sighting): string;
}

const clean: Dirt = { broken: false, row: (sighting) => rowText(sighting, {}) };

const dirts: readonly Dirt[] = [
  { broken: true, row: (sighting) => clean.row(sighting).slice(0, 60) },
  {
    broken: true,
    row: (sighting) => rowText(sighting, { mac: `${macOf(sighting.network).slice(0, -2)}zz` }),
  },
  { broken: false, row: (sighting) => rowText(sighting, { place: ',,' }) },
  { broken: false, row: (sighting) => rowText(sighting, { place: '0.0,0.0,0' }) },
  { broken: false, row: (sighting) => rowText(sighting, { name: `Cafe ${sighting.network}, upstairs` }) },
];

function rowText(
  { network, time, lat, lon, signal }: Sighting,
  other: { readonly mac?: string; readonly name?: string; readonly place?: string },
): string {
  const {
    mac = macOf(network),
    name = nameOf(network),
    place = `${lat.toFixed(6)},${lon.toFixed(6)},${190 + (network % 60)}`,
  } = other;
  const channel = 1 + (network % 13);
  const when = new Date(time * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const security = securities[network % securities.length];
  const accuracy = 3 + (time % 5);
  return `${mac},${name},${security},${when},${channel},${2407 + 5 * channel},${signal},${place},${accuracy},,,WIFI`;
}

/** One network in ten hides its name, one in twenty has a comma in it, in quotes. */
function nameOf(network: number): string {
  if (network % 10 === 3) return '';
  return network % 20 === 7 ? `"Harbour, pier ${network % 97}"` : `home-${network.toString(36)}`;
}

/** Of some hundred makers. */
function macOf(network: number): string {
  const digits = ((network % 251) * 0x1_0000_0000 + 0x40_0000_0000 + network).toString(16).padStart(12, '0');
  return (digits.match(/../g) as string[]).join(':');
}
