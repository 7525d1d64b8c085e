import { deviceId } from '../event-template.ts';
import { measurement, metricNames } from './line-source.ts';
import { Walks } from './series-values.ts';

export interface JsonRequestOptions {
  readonly devices: number;
  /** Points of one request; a multiple of a thousand. */
  readonly batchPoints: number;
  readonly points: number;
  /** Time of the first points, epoch milliseconds; a device's next ones are ten seconds later. */
  readonly startMs: number;
}

const everyMs = 10_000;

/** Times of one device's columns in one request. */
const columnRows = 100;

/** `POST /api/telemetry` requests, an array of objects each: all devices tell all metrics, then all the next ones. */
export function objectRequests({ devices, batchPoints, points, startMs }: JsonRequestOptions): Buffer[] {
  const series = devices * metricNames.length;
  const walks = new Walks(series);
  const requests: Buffer[] = [];
  for (let first = 0; first + batchPoints <= points; first += batchPoints) {
    const items: string[] = [];
    for (let point = first; point < first + batchPoints; point++) {
      const one = point % series;
      const time = new Date(startMs + ((point - one) / series) * everyMs).toISOString();
      const device = deviceId(Math.floor(one / metricNames.length));
      const metric = `${measurement}.${metricNames[one % metricNames.length]}`;
      const value = walks.next(one) / 100;
      items.push(`{"device_id":"${device}","metric":"${metric}","value":${value},"timestamp":"${time}"}`);
    }
    requests.push(telemetryRequest(`[${items.join(',')}]`));
  }
  return requests;
}

/** The same with columns: a device tells ten metrics at a hundred times, and so do others in the same request. */
export function columnRequests({ devices, batchPoints, points, startMs }: JsonRequestOptions): Buffer[] {
  const walks = new Walks(devices * metricNames.length);
  const devicePoints = columnRows * metricNames.length;
  const requests: Buffer[] = [];
  for (let first = 0; first + batchPoints <= points; first += batchPoints) {
    const items: string[] = [];
    for (let part = first / devicePoints; part < (first + batchPoints) / devicePoints; part++) {
      const device = part % devices;
      const from = startMs + ((part - device) / devices) * columnRows * everyMs;
      items.push(deviceColumns(device, from, walks));
    }
    requests.push(telemetryRequest(`[${items.join(',')}]`));
  }
  return requests;
}

function deviceColumns(device: number, from: number, walks: Walks): string {
  const timestamps = Array.from({ length: columnRows }, (_, row) =>
    new Date(from + row * everyMs).toISOString(),
  );
  const metrics = metricNames.map((name, metric) => {
    const values = timestamps.map(() => walks.next(device * metricNames.length + metric) / 100);
    return [`${measurement}.${name}`, { timestamps, values }] as const;
  });
  return JSON.stringify({ device_id: deviceId(device), metrics: Object.fromEntries(metrics) });
}

function telemetryRequest(body: string): Buffer {
  return Buffer.from(
    `POST /api/telemetry HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
