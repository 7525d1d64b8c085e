import type { JsonClient } from '../harness/json-client.ts';
import {
  countedValue,
  countingName,
  heardBy,
  isDetection,
  listenerName,
  observedAt,
  observedSeq,
  sameDetection,
  wireDetection,
} from './fleet/fleet-detections.ts';
import { metrics, pointAt, pointOf, telemetryDevice } from './fleet/fleet-telemetry.ts';
import type { Ledger } from './ledger.ts';
import { emptyTally, example, noteLost, pages, type Tally } from './read-back.ts';

/** Notes one item that was read back. */
class Found {
  readonly seqs = new Set<number>();
  readonly #ledger: Ledger;
  readonly #device: number;
  readonly #tally: Tally;

  constructor(ledger: Ledger, device: number, tally: Tally) {
    this.#ledger = ledger;
    this.#device = device;
    this.#tally = tally;
  }

  /** @param same - whether it says what was sent under that number */
  take(seq: number, same: boolean, item: unknown): void {
    const { what } = this.#ledger;
    this.#tally.stored++;
    if (this.seqs.has(seq)) {
      this.#tally.duplicates++;
      example(this.#tally, `device ${this.#device}: ${what} ${seq} is there twice`);
    }
    this.seqs.add(seq);
    if (seq < this.#ledger.count(this.#device) && same) return;
    this.#tally.foreign++;
    example(this.#tally, `device ${this.#device}: ${what} not as sent: ${JSON.stringify(item)}`);
  }

  end(): void {
    noteLost(this.#ledger, this.#device, this.seqs, this.#tally);
  }
}

type Reader = (found: Found, device: number) => Promise<void>;

async function compare(ledger: Ledger, read: Reader): Promise<Tally> {
  const tally = emptyTally();
  for (let device = 0; device < ledger.devices; device++) {
    if (ledger.count(device) === 0) continue;
    const found = new Found(ledger, device, tally);
    await read(found, device);
    found.end();
  }
  return tally;
}

/** All points of a series, page by page. Where there is none of it, nothing was sent. */
async function* pointsOf(
  client: JsonClient,
  deviceId: string,
  metric: string,
): AsyncGenerator<{ time: number; value: unknown }> {
  const path = `/api/telemetry/range?device_id=${deviceId}&metric=${metric}&limit=100000`;
  let cursor: unknown = null;
  do {
    const more = cursor === null ? '' : `&cursor=${encodeURIComponent(String(cursor))}`;
    const reply = await client.get(path + more);
    if (reply.status === 404) return;
    if (reply.status !== 200)
      throw new Error(`GET ${path} answered ${reply.status} ${JSON.stringify(reply.body)}`);
    const points = reply.body?.['points'] as { timestamp: string; value: unknown }[];
    for (const { timestamp, value } of points) yield { time: Date.parse(timestamp), value };
    cursor = reply.body?.['next_cursor'] ?? null;
  } while (cursor !== null);
}

/** All points that were sent by themselves. */
export function compareTelemetry(client: JsonClient, ledger: Ledger): Promise<Tally> {
  return compare(ledger, async (found, device) => {
    for (const metric of metrics) {
      for await (const point of pointsOf(client, telemetryDevice(device), metric)) {
        const seq = pointAt(device, point.time);
        const sent = pointOf(device, seq);
        const same = sent.metric === metric && sent.time === point.time && sent.value === point.value;
        found.take(seq, same, { metric, ...point });
      }
    }
  });
}

/** All detections that were sent by themselves. */
export function compareDetections(client: JsonClient, ledger: Ledger): Promise<Tally> {
  return compare(ledger, async (found, device) => {
    for await (const item of pages(client, `/api/detections?device_id=${listenerName(device)}&limit=1000`)) {
      const time = Date.parse(String(item['timestamp']));
      const seq = observedSeq(device, time);
      found.take(
        seq,
        time === observedAt(device, seq) && sameDetection(wireDetection(device, seq), item),
        item,
      );
    }
  });
}

/** All that was sent in envelopes. */
export function compareCounted(client: JsonClient, ledger: Ledger): Promise<Tally> {
  return compare(ledger, async (found, device) => {
    const name = countingName(device);
    for await (const item of pages(client, `/api/detections?device_id=${name}&limit=1000`)) {
      const seq = Number(item['seq']);
      const same = isDetection(seq) && Date.parse(String(item['timestamp'])) === observedAt(device, seq);
      found.take(seq, same && sameDetection(heardBy(device, seq), item), item);
    }
    for await (const point of pointsOf(client, name, 'counted')) {
      const seq = observedSeq(device, point.time);
      found.take(seq, !isDetection(seq) && point.value === countedValue(device, seq), point);
    }
  });
}

/** Detections of all devices together, networks, and what the networks say that they were made of: all three are one number. */
export async function compareNetworks(client: JsonClient): Promise<number> {
  let sum = 0;
  for await (const network of pages(client, '/api/networks?limit=1000')) sum += Number(network['detections']);
  return sum;
}
