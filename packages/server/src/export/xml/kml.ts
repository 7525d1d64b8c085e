import { type DetectionType, detectionTypes } from '@pisync/protocol';
import type { NetworkRecord, StoredDetection } from '../../ports/detection-store.ts';
import { decimal } from '../decimal.ts';
import type { ExportContext, ExportWriter } from '../export-format.ts';
import { heardAt } from '../heard-at.ts';
import type { Column } from '../table/column.ts';
import { detectionColumns } from '../table/detection-columns.ts';
import { networkColumns } from '../table/network-columns.ts';
import { type TextFile, textWriter } from '../text-stream.ts';
import { timeText } from '../time-text.ts';
import { htmlInXml, xmlText } from './xml-text.ts';

/** Colours as KML writes them: opacity, blue, green, red. */
const colours: Readonly<Record<DetectionType, string>> = {
  wifi: 'fff4852f',
  bluetooth: 'ffc837a0',
  ble: 'ff3fb54a',
  cellular: 'ff2f6ff4',
};

const labels: Readonly<Record<DetectionType, string>> = {
  wifi: 'Wi-Fi',
  bluetooth: 'Bluetooth',
  ble: 'Bluetooth LE',
  cellular: 'Cell',
};

/** What all placemarks have. */
interface Placed {
  readonly type: DetectionType;
  readonly identity: string;
  readonly name: string | null;
}

interface PlacemarkParts<T> {
  readonly columnsOf: (context: ExportContext) => readonly Column<T>[];
  readonly placeOf: (item: T) => { readonly lat: number; readonly lon: number } | null;
  /** The element that says when. */
  readonly time: (item: T) => string;
  /** A line that says what was heard; plain text. */
  readonly summary: (item: T) => string;
}

/**
 * KML 2.2 with a placemark for each detection, in a style by type; all that is known stands in `ExtendedData`. No folders, since the
 * order is that of time. A detection without a position has a placemark without a point. Refers to nothing outside of the file.
 */
export const detectionKml: ExportWriter<StoredDetection> = kmlWriter({
  columnsOf: detectionColumns,
  placeOf: (item) => item.position,
  time: (item) => `<TimeStamp><when>${timeText(heardAt(item))}</when></TimeStamp>`,
  summary: (item) => summaryOf(item, item.signalDbm, `heard by ${item.deviceId}`),
});

/** The same for networks at their estimated positions. */
export const networkKml: ExportWriter<NetworkRecord> = kmlWriter({
  columnsOf: networkColumns,
  placeOf: (item) => item.position,
  time: (item) =>
    `<TimeSpan><begin>${timeText(item.firstSeenAt)}</begin><end>${timeText(item.lastSeenAt)}</end></TimeSpan>`,
  summary: (item) => summaryOf(item, item.strongest?.signalDbm ?? null, `heard ${item.detections} times`),
});

function kmlWriter<T extends Placed>(parts: PlacemarkParts<T>): ExportWriter<T> {
  return textWriter((context): TextFile<T> => {
    const columns = parts.columnsOf(context).filter(({ name }) => name !== 'lat' && name !== 'lon');
    return {
      head:
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">\n<Document>\n' +
        `<name>${xmlText(context.title)}</name>\n${detectionTypes.map(styleOf).join('')}`,
      row(item) {
        const place = parts.placeOf(item);
        const point =
          place === null
            ? ''
            : `<Point><coordinates>${decimal(place.lon)},${decimal(place.lat)}</coordinates></Point>`;
        return (
          `<Placemark><name>${xmlText(item.name ?? item.identity)}</name>` +
          `<description>${htmlInXml(parts.summary(item))}</description>${parts.time(item)}` +
          `<styleUrl>#${item.type}</styleUrl><ExtendedData>${dataOf(columns, item)}</ExtendedData>${point}</Placemark>\n`
        );
      },
      tail: () => '</Document>\n</kml>\n',
    };
  });
}

function styleOf(type: DetectionType): string {
  return (
    `<Style id="${type}"><IconStyle><color>${colours[type]}</color><scale>0.7</scale></IconStyle>` +
    '<LabelStyle><scale>0.7</scale></LabelStyle></Style>\n'
  );
}

function summaryOf(
  item: Placed & Pick<StoredDetection, 'security' | 'channel'>,
  signal: number | null,
  last: string,
): string {
  const words = [`${labels[item.type]} ${item.identity}`];
  if (item.security !== null) words.push(item.security);
  if (item.channel !== null) words.push(`channel ${item.channel}`);
  if (signal !== null) words.push(`${signal} dBm`);
  return [...words, last].join(', ');
}

function dataOf<T>(columns: readonly Column<T>[], item: T): string {
  let data = '';
  for (const column of columns) {
    const value = column.get(item);
    if (value === null) continue;
    const text = column.kind === 'time' ? timeText(value as number) : xmlText(String(value));
    data += `<Data name="${column.name}"><value>${text}</value></Data>`;
  }
  return data;
}
