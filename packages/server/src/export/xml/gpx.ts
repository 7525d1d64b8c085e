import type { Position } from '@pisync/protocol';
import type { NetworkRecord, StoredDetection } from '../../ports/detection-store.ts';
import { decimal } from '../decimal.ts';
import type { ExportContext } from '../export-format.ts';
import { heardAt } from '../heard-at.ts';
import { type TextFile, textWriter } from '../text-stream.ts';
import { timeText } from '../time-text.ts';
import { xmlText } from './xml-text.ts';

/** A pause of a device that ends its scan session, in milliseconds. */
const sessionGapMs = 5 * 60_000;

/** Points of open sessions, all devices together; where there are more, the sessions are written in parts. */
const maxHeldPoints = 16_384;

/** Metres of uncertainty for one unit of `hdop`, as the import of GPX has it. */
const metresPerHdop = 5;

/**
 * Where the devices went, as GPX 1.1: a track for each scan session of a device, that is until it pauses for five minutes. Its points are
 * in order of time, whatever the order of the rows, one for each second and place. Detections without a position are not part of a
 * track. A session of more than some ten thousand points may come as several tracks, and so may sessions of many devices at once.
 */
export const detectionGpx = textWriter<StoredDetection>((context) => new Tracks(context));

/** Networks at their estimated positions, as way points of GPX 1.1; those without a position are left out. */
export const networkGpx = textWriter<NetworkRecord>((context) => ({
  head: headOf(context),
  row: wayPoint,
  tail: () => '</gpx>\n',
}));

interface TrackedPoint {
  readonly time: number;
  readonly position: Position;
}

/** Sorts detections into sessions, and holds those that may go on. */
class Tracks implements TextFile<StoredDetection> {
  readonly head: string;
  readonly #open = new Map<string, TrackedPoint[]>();
  #held = 0;

  constructor(context: ExportContext) {
    this.head = headOf(context);
  }

  row(detection: StoredDetection): string | Iterable<string> {
    const { position, deviceId } = detection;
    if (position === null) return '';
    const point = { time: heardAt(detection), position };
    const points = this.#open.get(deviceId);
    const last = points?.at(-1);
    if (last !== undefined && isSame(point, last)) return '';
    let ended: string | Iterable<string> = '';
    if (points !== undefined && last !== undefined && Math.abs(point.time - last.time) <= sessionGapMs) {
      points.push(point);
    } else {
      this.#open.set(deviceId, [point]);
      if (points !== undefined) {
        this.#held -= points.length;
        ended = trackOf(deviceId, points);
      }
    }
    this.#held += 1;
    return this.#held < maxHeldPoints ? ended : this.#writeAll(ended);
  }

  *tail(): Iterable<string> {
    yield* this.#writeAll('');
    yield '</gpx>\n';
  }

  *#writeAll(before: string | Iterable<string>): Iterable<string> {
    yield* before;
    for (const [deviceId, points] of this.#open) yield* trackOf(deviceId, points);
    this.#open.clear();
    this.#held = 0;
  }
}

/** A receiver tells its position once for all that is heard in a scan. */
function isSame(one: TrackedPoint, other: TrackedPoint): boolean {
  return (
    one.position.lat === other.position.lat &&
    one.position.lon === other.position.lon &&
    Math.floor(one.time / 1000) === Math.floor(other.time / 1000)
  );
}

function headOf({ title, createdAt, version }: ExportContext): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="PiSync ${xmlText(version)}" ` +
    'xmlns="http://www.topografix.com/GPX/1/1" xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">\n' +
    `<metadata><name>${xmlText(title)}</name><time>${timeText(createdAt)}</time></metadata>\n`
  );
}

function* trackOf(deviceId: string, points: TrackedPoint[]): Iterable<string> {
  points.sort((one, other) => one.time - other.time);
  const start = timeText((points[0] as TrackedPoint).time);
  yield `<trk><name>${xmlText(deviceId)} ${start}</name><trkseg>\n`;
  for (const point of points) yield trackPoint(point);
  yield '</trkseg></trk>\n';
}

function trackPoint({ time, position }: TrackedPoint): string {
  const { altitude, accuracy, heading, speed } = position;
  const moving =
    (speed === null ? '' : `<gpxtpx:speed>${decimal(speed)}</gpxtpx:speed>`) +
    (heading === null ? '' : `<gpxtpx:course>${decimal(heading)}</gpxtpx:course>`);
  return (
    `<trkpt ${attributesOf(position)}>${altitude === null ? '' : `<ele>${decimal(altitude)}</ele>`}` +
    `<time>${timeText(time)}</time>` +
    (accuracy === null ? '' : `<hdop>${decimal(accuracy / metresPerHdop)}</hdop>`) +
    (moving === ''
      ? ''
      : `<extensions><gpxtpx:TrackPointExtension>${moving}</gpxtpx:TrackPointExtension></extensions>`) +
    '</trkpt>\n'
  );
}

/** GPX's longitudes end before 180. */
function attributesOf({ lat, lon }: { readonly lat: number; readonly lon: number }): string {
  return `lat="${decimal(lat)}" lon="${decimal(lon === 180 ? -180 : lon)}"`;
}

function wayPoint(network: NetworkRecord): string {
  const { position, name, identity, security, type } = network;
  if (position === null) return '';
  const description = `${identity}${security === null ? '' : `, ${security}`}, heard ${network.detections} times`;
  return (
    `<wpt ${attributesOf(position)}><time>${timeText(network.lastSeenAt)}</time>` +
    `<name>${xmlText(name ?? identity)}</name><desc>${xmlText(description)}</desc><type>${type}</type></wpt>\n`
  );
}
