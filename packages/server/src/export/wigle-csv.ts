import { parseJson, securityNames, securityOf } from '@pisync/protocol';
import type { StoredDetection } from '../ports/detection-store.ts';
import { decimal } from './decimal.ts';
import { heardAt } from './heard-at.ts';
import { csvField, plainText } from './table/csv-text.ts';
import { textWriter } from './text-stream.ts';
import { timeText } from './time-text.ts';

const columns =
  'MAC,SSID,AuthMode,FirstSeen,Channel,Frequency,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,AccuracyMeters,RCOIs,MfgrId,Type';

/** How WiGLE calls the technologies of cells; they stand in the metadata of a cell. */
const technologies: Readonly<Record<string, string>> = {
  gsm: 'GSM',
  cdma: 'CDMA',
  wcdma: 'WCDMA',
  lte: 'LTE',
  nr: 'NR',
};

/** Largest cell number of 16 bits, which GSM has, and of 28 bits, which LTE has. */
const maxGsmCell = 0xff_ff;
const maxLteCell = 0xfff_ff_ff;

/** What WiGLE's reader keeps in the metadata. */
interface WigleExtras {
  readonly rcois: string;
  readonly mfgrId: string;
  readonly technology: string | null;
  readonly frequency: number | null;
}

/** Spares the parsing of other metadata. */
const extraKeys = /"(?:rcois|mfgr_id|technology|wigle_frequency)":/;

const noExtras: WigleExtras = { rcois: '', mfgrId: '', technology: null, frequency: null };

/**
 * WiGLE CSV 1.6 as https://api.wigle.net/csvFormat.html has it, one row for each detection; times are UTC in seconds, see
 * {@link heardAt}. Numbers are whole where the page wants them whole: frequency and altitude. A detection without a position is at 0, 0,
 * as WiGLE's own files have it. Where the capabilities are not known, AuthMode is made from the security. A cell whose technology is
 * not known gets the one that its numbers fit. Names that start like a formula are made plain, see {@link plainText}.
 */
export const wigleCsv = textWriter<StoredDetection>(({ version }) => ({
  head:
    `WigleWifi-1.6,appRelease=PiSync-${version},model=PiSync,release=${version},device=PiSync,display=,board=,` +
    `brand=PiSync,star=Sol,body=3,subBody=0\n${columns}\n`,
  row: wigleRow,
  tail: () => '',
}));

function wigleRow(detection: StoredDetection): string {
  const { type, position, signalDbm } = detection;
  const extras = detection.metadata === null ? noExtras : extrasOf(detection.metadata);
  const cell = type === 'cellular' ? cellOf(detection.identity, extras.technology) : null;
  const time = timeText(heardAt(detection));
  const where = position === null ? '0,0,,' : placeOf(position);
  return (
    `${cell?.key ?? detection.identity.toLowerCase()},${field(detection.name ?? '')},` +
    `${field(capabilitiesOf(detection, cell))},${time.slice(0, 10)} ${time.slice(11, 19)},` +
    `${tunedTo(detection, extras, cell)},${signalDbm ?? ''},${where},${field(extras.rcois)},${field(extras.mfgrId)},` +
    `${cell?.technology ?? (type === 'bluetooth' ? 'BT' : type.toUpperCase())}\n`
  );
}

function placeOf(position: NonNullable<StoredDetection['position']>): string {
  const { lat, lon, altitude, accuracy } = position;
  const height = altitude === null ? '' : decimal(Math.round(altitude));
  return `${decimal(lat)},${decimal(lon)},${height},${accuracy === null ? '' : decimal(accuracy)}`;
}

/** The fields Channel and Frequency; what they mean depends on the radio. */
function tunedTo(detection: StoredDetection, extras: WigleExtras, cell: Cell | null): string {
  const { type, channel, frequencyMhz } = detection;
  if (type === 'wifi')
    return `${channel ?? 0},${frequencyMhz === null ? '' : Math.max(1, Math.round(frequencyMhz))}`;
  if (cell === null) return `0,${extras.frequency ?? ''}`;
  return cell.technology === 'CDMA' ? ',0' : `,${extras.frequency ?? channel ?? ''}`;
}

function capabilitiesOf({ type, security, capabilities }: StoredDetection, cell: Cell | null): string {
  if (cell !== null) return capabilities ?? `${cell.technology};${cell.operator}`;
  if (type !== 'wifi' || security === null) return capabilities ?? '';
  return capabilities !== null && securityOf(capabilities) === security ? capabilities : authMode(security);
}

/** Capabilities, as Android writes them, of nothing but the names of a security. */
function authMode(security: string): string {
  const names = new Set(security.split(','));
  const keys = names.has('eap') ? 'EAP' : 'PSK';
  const groups: Readonly<Record<(typeof securityNames)[number], string>> = {
    open: names.size === 1 ? '' : '[OPEN]',
    wep: '[WEP]',
    wpa: `[WPA-${keys}]`,
    wpa2: `[WPA2-${keys}]`,
    owe: '[OWE]',
    wpa3: '[WPA3-SAE]',
    eap: '[EAP]',
  };
  return `${securityNames.map((name) => (names.has(name) ? groups[name] : '')).join('')}[ESS]`;
}

interface Cell {
  readonly key: string;
  /** MCC and MNC of three digits each; the system of CDMA. */
  readonly operator: string;
  readonly technology: string;
}

function cellOf(identity: string, told: string | null): Cell {
  const [mcc = '', mnc = '', area = '', cell = ''] = identity.split('-');
  const technology = technologyOf(mcc, Number(cell), told);
  const operator = technology === 'CDMA' ? mnc : mcc.padStart(3, '0') + mnc.padStart(3, '0');
  return { key: `${operator}_${area}_${cell}`, operator, technology };
}

/** Only cells of CDMA have no MCC; the numbers of the others grew from one technology to the next. */
function technologyOf(mcc: string, cell: number, told: string | null): string {
  if (mcc === '0') return 'CDMA';
  if (told !== null && told !== 'cdma') return technologies[told] as string;
  if (cell <= maxGsmCell) return 'GSM';
  return cell <= maxLteCell ? 'LTE' : 'NR';
}

function extrasOf(metadata: string): WigleExtras {
  if (!extraKeys.test(metadata)) return noExtras;
  const { rcois, mfgr_id, technology, wigle_frequency } = parseJson(metadata) as Record<string, unknown>;
  return {
    rcois: typeof rcois === 'string' ? rcois : '',
    mfgrId: typeof mfgr_id === 'string' ? mfgr_id : '',
    technology: typeof technology === 'string' && Object.hasOwn(technologies, technology) ? technology : null,
    frequency: Number.isSafeInteger(wigle_frequency) ? (wigle_frequency as number) : null,
  };
}

function field(text: string): string {
  return csvField(plainText(text));
}
