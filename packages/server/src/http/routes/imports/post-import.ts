import { explainDeviceId, isDeviceId, PisyncError } from '@pisync/protocol';
import type { ImportProgress } from '../../../services/ingest/imports.ts';
import { RequestBody } from '../../body.ts';
import { type Exchange, RequestAborted } from '../../exchange.ts';
import { integer, readQuery, requiredText, text } from '../../parameters.ts';
import { problemText } from '../../reply/problem.ts';
import { allowSlowBody } from '../../reply/slow-body.ts';
import type { MediaBody, Route } from '../../route.ts';
import { replyLines } from './import-lines.ts';

const maxLine = 999_999_999_999_999;

const query = {
  device_id: requiredText(128, 'The device whose observations these are.', 'pibook-0001'),
  name: text(255, 'Name of the file: told with each row that is rejected.'),
  from_line: integer(
    { min: 1, max: maxLine, fallback: 1 },
    'Passes over what begins before this line: one more than the last line that an import which broke off told. In a database, rows count as lines.',
  ),
};

const example =
  'WigleWifi-1.6,appRelease=2.78,model=X,release=11,device=d,display=p,board=b,brand=q,star=Sol,body=3,subBody=0\n' +
  'MAC,SSID,AuthMode,FirstSeen,Channel,Frequency,RSSI,CurrentLatitude,CurrentLongitude,AltitudeMeters,AccuracyMeters,RCOIs,MfgrId,Type\n' +
  '00:1A:2B:3C:4D:5E,Harbour,[WPA2-PSK-CCMP][ESS],2026-11-20 08:30:00,6,2437,-71,48.1371,11.5754,519.5,4.25,,,WIFI\n';

const file: MediaBody = {
  schema: { type: 'string', format: 'binary' },
  examples: { 'example-1': { summary: 'Works as it is', value: example } },
};

const replyExample =
  '{"line":412000,"stored":411990,"duplicate":0,"conflict":0,"rejected":8,"track_points":0}\n' +
  '{"line":1000002,"stored":999985,"duplicate":0,"conflict":0,"rejected":15,"track_points":0,"done":true}\n';

/** Imports a file of a scanner or a GPS receiver. */
export const postImport: Route = {
  method: 'POST',
  path: '/api/imports',
  tag: 'detections',
  operationId: 'postImport',
  summary: 'Import a file of detections or tracks',
  description:
    'The body is the file as it is, of any media type: WiGLE CSV, Kismet (database, CSV, netxml), GPX, the database of PiWardrive or ' +
    'NDJSON, packed with gzip or not; its format is told by its content. Rows that are wrong are rejected and kept in the quarantine ' +
    'with their line; all others are stored, those that were stored before are duplicates. It is committed while it arrives: a client ' +
    'that goes away leaves what was committed.',
  query,
  body: { required: true, content: { 'application/octet-stream': file } },
  problems: [408, 413, 415, 429, 503],
  replies: {
    200: {
      description:
        'About twice a second a line of what is on disk; everything up to `line` is answered for. The last line has `done`, or is a ' +
        'problem document with the same counts, where the import broke off: send the file again with `from_line` one more than its `line`.',
      content: {
        'application/x-ndjson': {
          schema: { type: 'string' },
          examples: { 'example-1': { summary: 'Of a file with a million rows', value: replyExample } },
        },
      },
    },
  },
  async handle(exchange) {
    const { device_id: deviceId, name, from_line: fromLine } = readQuery(query, exchange.target.query);
    if (!isDeviceId(deviceId)) {
      throw new PisyncError('invalid_parameter', {
        field: 'device_id',
        detail: `It ${explainDeviceId(deviceId)}.`,
      });
    }
    const { services } = exchange;
    const body = new RequestBody(exchange.request, services.maxImportBytes, services.admission);
    // The reply may be over before the file is.
    exchange.closeAfterwards();
    allowSlowBody(exchange.request.socket);
    const gone = new AbortController();
    exchange.response.once('close', () => gone.abort(new RequestAborted()));
    let latest: ImportProgress = {
      line: fromLine - 1,
      stored: 0,
      duplicate: 0,
      conflict: 0,
      rejected: 0,
      points: 0,
    };
    const order = {
      source: arriving(body, services.requestTimeoutMs),
      deviceId,
      name: name ?? null,
      fromLine,
      signal: gone.signal,
    };
    const run = services.imports.run(order, (progress) => {
      latest = progress;
    });
    const lines = replyLines(run, {
      progress: () => counts(latest),
      problem: (error) => problemLine(error, latest, exchange),
    });
    try {
      await exchange.stream('application/x-ndjson; charset=utf-8', lines);
    } catch (error) {
      exchange.fail(error, counts(latest));
    } finally {
      gone.abort(new RequestAborted());
      await run.catch(() => undefined);
      body.release();
    }
  },
};

/** The wire form of what became of a file. */
function counts({ points, ...progress }: ImportProgress): Record<string, number> {
  return { ...progress, track_points: points };
}

/** How an import that broke off ends: the status was sent long ago. */
function problemLine(error: unknown, latest: ImportProgress, { services, id }: Exchange): string {
  const known = error instanceof PisyncError;
  if (!known && !(error instanceof RequestAborted))
    services.log.error({ err: error, request_id: id }, 'import failed');
  const detail = known ? error.message : 'See the server log under the request id.';
  const code = known ? error.code : 'internal';
  return problemText(code, {
    detail,
    field: known ? error.field : undefined,
    ...counts(latest),
    request_id: id,
  });
}

/**
 * The file as it comes. Its memory is given back piece by piece, for nothing of it is held.
 *
 * @throws {PisyncError} `request_timeout` where no byte comes for so long, or what {@link RequestBody.chunks} throws
 */
async function* arriving(body: RequestBody, silenceMs: number): AsyncGenerator<Uint8Array> {
  const chunks = body.chunks();
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<'silence'>((resolve) => {
        timer = setTimeout(resolve, silenceMs, 'silence');
      });
      const next = await Promise.race([chunks.next(), silence]);
      clearTimeout(timer);
      if (next === 'silence') {
        const detail = `Nothing of the file came for ${silenceMs} ms. Send it again from the line behind the last one that is answered for.`;
        throw new PisyncError('request_timeout', { detail });
      }
      if (next.done === true) return;
      yield next.value;
      body.release();
    }
  } finally {
    // Not awaited: it ends with the piece that it waits for, which may never come.
    void chunks.return(undefined).catch(() => undefined);
  }
}
