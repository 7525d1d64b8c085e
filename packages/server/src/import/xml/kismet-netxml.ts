import { parseFileTime } from '../file-time.ts';
import { importDetection } from '../import-detection.ts';
import {
  type ByteSource,
  type ImportContext,
  type ImportItem,
  type ItemLists,
  rowProblem,
} from '../import-item.ts';
import { XmlTokens } from './xml-tokens.ts';

/** Most different words about encryption that are kept of one network. */
const maxEncryptions = 16;

/** What is read of a network, by element; the first text that is not empty counts. */
const networkElements = new Set([
  'BSSID',
  'essid',
  'channel',
  'freqmhz',
  'manuf',
  'max_signal_dbm',
  'last_signal_dbm',
  'packets',
  ...['peak', 'avg', 'min'].flatMap((which) => [`${which}-lat`, `${which}-lon`, `${which}-alt`]),
]);

/**
 * Reads the netxml of Kismet before 2018 and of airodump-ng.
 *
 * A `wireless-network` becomes one detection at the time of first sight, with the strongest signal and the place where it was heard
 * strongest, else the average one. Its clients are passed over: they are stations, not networks. Times have no zone and count as UTC.
 */
export async function* readKismetNetxml(source: ByteSource, context: ImportContext): ItemLists {
  const reader = new NetxmlReader(context);
  const tokens = new XmlTokens(reader);
  for await (const chunk of source) {
    tokens.push(chunk);
    yield reader.take();
  }
  tokens.end();
  yield reader.take();
  const cut = reader.cutOff();
  if (cut !== undefined) yield [cut];
}

interface Network {
  readonly line: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly texts: Map<string, string>;
  readonly encryptions: Set<string>;
}

class NetxmlReader {
  readonly #context: ImportContext;
  #items: ImportItem[] = [];
  #network: Network | undefined;
  #inClient = false;

  constructor(context: ImportContext) {
    this.#context = context;
  }

  take(): ImportItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  /** The network that was open when the file ended. */
  cutOff(): ImportItem | undefined {
    const network = this.#network;
    if (network === undefined) return undefined;
    const detail = 'the file ends within this network';
    return rowProblem(network.line, 'invalid_item', null, detail, textOf(network), this.#context);
  }

  open(name: string, attributes: Readonly<Record<string, string>>, line: number): void {
    if (name === 'wireless-network') {
      // A network within a network: the outer one was never closed.
      const cut = this.cutOff();
      if (cut !== undefined) this.#items.push(cut);
      this.#network = { line, attributes, texts: new Map(), encryptions: new Set() };
      this.#inClient = false;
    } else if (name === 'wireless-client') {
      this.#inClient = true;
    }
  }

  close(name: string, text: string): void {
    const network = this.#network;
    if (name === 'wireless-client') this.#inClient = false;
    if (network === undefined || this.#inClient) return;
    if (name === 'wireless-network') {
      this.#network = undefined;
      this.#items.push(this.#item(network));
    } else if (name === 'encryption' || name === 'wpa-version') {
      if (text !== '' && network.encryptions.size < maxEncryptions)
        network.encryptions.add(text.slice(0, 64));
    } else if (networkElements.has(name) && text !== '' && !network.texts.has(name)) {
      network.texts.set(name, text);
    }
  }

  #item(network: Network): ImportItem {
    const time = parseFileTime(network.attributes['first-time'] ?? '');
    if (!Number.isNaN(time)) {
      return importDetection(
        network.line,
        recordOf(network, time),
        () => textOf(network),
        this.#context.deviceId,
      );
    }
    const detail = 'first-time is not a time such as Fri Nov 20 08:30:00 2026';
    return rowProblem(
      network.line,
      'invalid_timestamp',
      'first-time',
      detail,
      textOf(network),
      this.#context,
    );
  }
}

function recordOf(network: Network, time: number | null): Record<string, unknown> {
  const { texts, attributes } = network;
  const number = (name: string) => {
    // `freqmhz` holds the frequency and how many packets came on it.
    const value = Number.parseFloat(texts.get(name) ?? '');
    return Number.isNaN(value) ? null : value;
  };
  const which =
    ['peak', 'avg', 'min'].find((name) => number(`${name}-lat`) || number(`${name}-lon`)) ?? 'peak';
  const channel = number('channel');
  const frequency = number('freqmhz');
  const signal = number('max_signal_dbm') || number('last_signal_dbm');
  const metadata: Record<string, unknown> = {};
  if (attributes['type'] !== undefined) metadata['network_type'] = attributes['type'];
  const last = parseFileTime(attributes['last-time'] ?? '');
  if (last !== null && !Number.isNaN(last)) metadata['last_seen'] = new Date(last).toISOString();
  const manufacturer = texts.get('manuf');
  if (manufacturer !== undefined && manufacturer !== 'Unknown') metadata['manufacturer'] = manufacturer;
  return {
    type: 'wifi',
    identity: texts.get('BSSID') ?? null,
    name: texts.get('essid') ?? null,
    timestamp: time,
    channel: channel !== null && Number.isInteger(channel) && channel > 0 ? channel : null,
    frequency_mhz: frequency !== null && frequency > 0 ? frequency : null,
    // 0 and -1 are what the drivers that know no signal report.
    signal_dbm: signal === 0 || signal === -1 ? null : signal,
    position: {
      lat: number(`${which}-lat`),
      lon: number(`${which}-lon`),
      altitude: number(`${which}-alt`),
    },
    capabilities: [...network.encryptions].join(' '),
    metadata,
  };
}

function textOf(network: Network): string {
  const elements = [...network.texts].map(([name, text]) => `<${name}>${text}</${name}>`).join('');
  return `<wireless-network first-time="${network.attributes['first-time'] ?? ''}">${elements}`;
}
