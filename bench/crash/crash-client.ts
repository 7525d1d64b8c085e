import { setTimeout as sleep } from 'node:timers/promises';
import { JsonClient, type JsonReply } from '../harness/json-client.ts';
import { deviceKind, deviceName, epochOf, hasTwoEpochs, secondEpochFrom, wireEvent } from './fleet-events.ts';
import type { EventKey, Ledger } from './ledger.ts';

type Route = '/api/sync-event' | '/api/sync-events' | '/api/batches';

/** A request that is sent until its reply has come. */
interface Parcel {
  readonly route: Route;
  readonly keys: readonly EventKey[];
}

/** What the client met on the way. */
export interface ClientCounts {
  requests: number;
  /** Connections refused or broken: the server was down or died. */
  broken: number;
  /** Replies 429 or 503. */
  putOff: number;
}

/**
 * Several connections that send singles, arrays and envelopes as fast as the replies come. What got no reply is sent
 * again, word for word; now and then a parcel goes out on two connections at once, and an old one comes again.
 */
export class CrashClient {
  readonly counts: ClientCounts = { requests: 0, broken: 0, putOff: 0 };
  readonly #ledger: Ledger;
  readonly #http: JsonClient;
  readonly #maxEvents: number;
  readonly #workers: Promise<void>[];
  readonly #again: Parcel[] = [];
  #makeMore = true;

  /** @param maxEvents - no more than so many events are made; after that only old ones are sent again */
  constructor(url: string, ledger: Ledger, connections: number, maxEvents: number) {
    this.#ledger = ledger;
    this.#http = new JsonClient(url, connections * 2);
    this.#maxEvents = maxEvents;
    this.#workers = Array.from({ length: connections }, () => this.#work());
  }

  /** Makes nothing new; resolves when all that was made is acknowledged. The server must be up by then. */
  async finish(): Promise<void> {
    this.#makeMore = false;
    await Promise.all(this.#workers);
    this.#http.close();
  }

  async #work(): Promise<void> {
    for (;;) {
      const parcel = this.#again.pop() ?? (this.#makeMore ? this.#parcel() : null);
      if (parcel === null) return;
      const twice = Math.random() < 0.1;
      await Promise.all(twice ? [this.#deliver(parcel), this.#deliver(parcel)] : [this.#deliver(parcel)]);
      if (Math.random() < 0.05 && this.#makeMore) this.#again.push(parcel);
    }
  }

  /** Sends a parcel until there is a reply that is not "later". */
  async #deliver(parcel: Parcel): Promise<void> {
    for (;;) {
      this.counts.requests++;
      try {
        // The text is made for each attempt, as an agent does: `sent_at` is the time of the attempt.
        const reply = await this.#http.post(parcel.route, textOf(parcel));
        if (reply.status !== 429 && reply.status !== 503) return this.#note(parcel, reply);
        this.counts.putOff++;
        await sleep(Math.min(1000, Number(reply.headers['retry-after'] ?? 1) * 1000));
      } catch {
        this.counts.broken++;
        // Not too eager: the server that starts up again shares the machine.
        await sleep(50 + Math.random() * 100);
      }
    }
  }

  #note(parcel: Parcel, reply: JsonReply): void {
    const { status, body } = reply;
    if (parcel.route === '/api/sync-event') {
      const ok = status === 201 || status === 200;
      this.#ledger.note(parcel.keys[0]!, ok ? body?.['result'] : { status, body });
      return;
    }
    const results = body?.['results'];
    if (status !== 200 || !Array.isArray(results) || results.length !== parcel.keys.length) {
      this.#ledger.violation(`${parcel.route} answered ${status} ${JSON.stringify(body)?.slice(0, 300)}`);
      return;
    }
    parcel.keys.forEach((key, index) => {
      const item = results[index] as { index?: unknown; result?: unknown };
      this.#ledger.note(key, item.index === index && typeof item.result === 'string' ? item.result : item);
    });
  }

  #parcel(): Parcel {
    const draw = Math.random();
    if (this.#ledger.made >= this.#maxEvents) return this.#oldParcel();
    if (draw < 0.25) return { route: '/api/sync-event', keys: [this.#make()] };
    if (draw < 0.5) return this.#envelope();
    const size = 1 + Math.floor(Math.random() * 200);
    return { route: '/api/sync-events', keys: Array.from({ length: size }, () => this.#make()) };
  }

  /** Events that were sent before, whatever became of them. */
  #oldParcel(): Parcel {
    const devices = Array.from({ length: 100 }, () => this.#anyDevice()).filter(
      (it) => this.#ledger.count(it) > 0,
    );
    const keys = devices.map((device) => {
      return { device, seq: Math.floor(Math.random() * this.#ledger.count(device)) };
    });
    return { route: '/api/sync-events', keys };
  }

  /** Up to 50 events of one counting device, all of one epoch. */
  #envelope(): Parcel {
    const first = this.#make((device) => deviceKind(device) === 'seq');
    const { device } = first;
    const epoch = epochOf(device, first.seq);
    const keys = [first];
    const size = Math.floor(Math.random() * 50);
    while (keys.length < size && epochOf(device, this.#ledger.count(device)) === epoch) {
      keys.push(this.#ledger.make(device));
    }
    return { route: '/api/batches', keys };
  }

  #make(wanted: (device: number) => boolean = () => true): EventKey {
    for (;;) {
      const device = this.#anyDevice();
      if (wanted(device) && this.#maySend(device)) return this.#ledger.make(device);
    }
  }

  /** A device sends under a new epoch only after its old one is known: else the order of epochs would be open. */
  #maySend(device: number): boolean {
    if (!hasTwoEpochs(device) || this.#ledger.count(device) < secondEpochFrom) return true;
    for (let seq = 0; seq < secondEpochFrom; seq++) if (this.#ledger.isAcknowledged(device, seq)) return true;
    return false;
  }

  #anyDevice(): number {
    return Math.floor(Math.random() * this.#ledger.devices);
  }
}

function textOf(parcel: Parcel): string {
  const events = parcel.keys.map(({ device, seq }) => wireEvent(device, seq));
  if (parcel.route === '/api/sync-event') return JSON.stringify(events[0]);
  if (parcel.route === '/api/sync-events') return JSON.stringify(events);
  const { device, seq } = parcel.keys[0]!;
  return JSON.stringify({
    device_id: deviceName(device),
    epoch: epochOf(device, seq),
    sent_at: new Date().toISOString(),
    observations: events.map(({ device_id: _, epoch: __, ...rest }) => ({ kind: 'sync_event', ...rest })),
  });
}
