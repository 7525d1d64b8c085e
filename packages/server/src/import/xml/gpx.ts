import { parseFileTime } from '../file-time.ts';
import {
  type ByteSource,
  type ImportContext,
  type ImportItem,
  type ItemLists,
  rowProblem,
  type TrackPoint,
} from '../import-item.ts';
import { XmlTokens } from './xml-tokens.ts';

/** Metres of uncertainty for one unit of horizontal dilution of precision: what a common receiver is good for. */
const metresPerHdop = 5;

/** What is read of a point, wherever in it it stands. */
const pointElements = new Set(['ele', 'time', 'hdop', 'course', 'speed']);

/**
 * Reads the tracks of GPX 1.0 and 1.1; routes and way points were not travelled and are passed over. Speed and course are taken where
 * GPX 1.0 has them and from the usual extensions. The accuracy is 5 m for each unit of `hdop`. A point off the map is a problem.
 */
export async function* readGpx(source: ByteSource, context: ImportContext): ItemLists {
  const reader = new GpxReader(context);
  const tokens = new XmlTokens(reader);
  for await (const chunk of source) {
    tokens.push(chunk);
    yield reader.take();
  }
  tokens.end();
  yield reader.take();
  if (tokens.unfinished) yield [reader.cutOff()];
}

class GpxReader {
  readonly #context: ImportContext;
  #items: ImportItem[] = [];
  #track: string | null = null;
  #inTrack = false;
  #segment = -1;
  /** Texts of the point that is open, by element. */
  #point: Map<string, string> | undefined;
  #line = 1;
  #last = 1;

  constructor(context: ImportContext) {
    this.#context = context;
  }

  take(): ImportItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }

  /** The document ended inside of an element. */
  cutOff(): ImportItem {
    return rowProblem(
      this.#last,
      'invalid_item',
      null,
      'the file ends before its last element is closed',
      '',
      this.#context,
    );
  }

  open(name: string, attributes: Readonly<Record<string, string>>, line: number): void {
    this.#last = line;
    if (name === 'trk') {
      this.#inTrack = true;
      this.#track = null;
      this.#segment = -1;
    } else if (name === 'trkseg') {
      this.#segment += 1;
    } else if (name === 'trkpt' && this.#inTrack) {
      this.#line = line;
      this.#point = new Map([
        ['lat', attributes['lat'] ?? ''],
        ['lon', attributes['lon'] ?? ''],
      ]);
    }
  }

  close(name: string, text: string): void {
    if (name === 'trk') this.#inTrack = false;
    else if (name === 'trkpt') this.#endPoint();
    else if (this.#point !== undefined && pointElements.has(name)) this.#point.set(name, text);
    else if (name === 'name' && this.#inTrack && this.#point === undefined)
      this.#track = text === '' ? null : text.slice(0, 200).toWellFormed();
  }

  #endPoint(): void {
    const point = this.#point;
    this.#point = undefined;
    if (point === undefined) return;
    const get = (name: string) => point.get(name) ?? '';
    const [lat, lon] = [toNumber(get('lat')), toNumber(get('lon'))];
    const time = parseFileTime(get('time'));
    const text = `<trkpt lat="${get('lat')}" lon="${get('lon')}"><time>${get('time')}</time></trkpt>`;
    if (
      lat === null ||
      lon === null ||
      Math.abs(lat) > 90 ||
      Math.abs(lon) > 180 ||
      (lat === 0 && lon === 0)
    ) {
      const detail = 'lat and lon are no place; lat must be -90 to 90, lon -180 to 180, and not both 0';
      this.#items.push(rowProblem(this.#line, 'out_of_range', 'lat', detail, text, this.#context));
    } else if (Number.isNaN(time)) {
      const detail = 'time is not a time such as 2026-11-20T08:30:00Z';
      this.#items.push(rowProblem(this.#line, 'invalid_timestamp', 'time', detail, text, this.#context));
    } else {
      this.#items.push({ line: this.#line, track: this.#trackPoint(lat, lon, time, get) });
    }
  }

  #trackPoint(lat: number, lon: number, time: number | null, get: (name: string) => string): TrackPoint {
    const hdop = toNumber(get('hdop'));
    const heading = toNumber(get('course'));
    const speed = toNumber(get('speed'));
    return {
      deviceTime: time,
      lat,
      lon,
      altitude: toNumber(get('ele')),
      accuracy: hdop === null || hdop < 0 ? null : hdop * metresPerHdop,
      heading: heading === null || heading < 0 || heading > 360 ? null : heading % 360,
      speed: speed === null || speed < 0 ? null : speed,
      track: this.#track,
      segment: Math.max(0, this.#segment),
    };
  }
}

/** A finite number; null where the text is none. */
function toNumber(text: string): number | null {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text.trim()) && Number.isFinite(Number(text))
    ? Number(text) + 0
    : null;
}
