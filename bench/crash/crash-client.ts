import { setTimeout as sleep } from 'node:timers/promises';
import { JsonClient, type JsonReply } from '../harness/json-client.ts';

/** A request that is sent until its reply has come. */
export interface Parcel {
  readonly path: string;
  /** Made for each attempt, as an agent does: `sent_at` is the time of the attempt. */
  text(): string;
  /** Notes the reply in the ledger. */
  note(reply: JsonReply): void;
}

/** Makes the requests of one kind of observation. */
export interface ParcelSource {
  /** New observations; once there are enough, old ones again. */
  next(): Parcel;
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
 * Several connections that send what the sources make as fast as the replies come. What got no reply is sent again; now and
 * then a parcel goes out on two connections at once, and an old one comes again.
 */
export class CrashClient {
  readonly counts: ClientCounts = { requests: 0, broken: 0, putOff: 0 };
  readonly #sources: readonly ParcelSource[];
  readonly #http: JsonClient;
  readonly #workers: Promise<void>[];
  readonly #again: Parcel[] = [];
  #makeMore = true;

  /** @param sources - each parcel is of one of them, at random */
  constructor(url: string, sources: readonly ParcelSource[], connections: number) {
    this.#sources = sources;
    this.#http = new JsonClient(url, connections * 2);
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

  #parcel(): Parcel {
    return (this.#sources[Math.floor(Math.random() * this.#sources.length)] as ParcelSource).next();
  }

  /** Sends a parcel until there is a reply that is not "later". */
  async #deliver(parcel: Parcel): Promise<void> {
    for (;;) {
      this.counts.requests++;
      try {
        const reply = await this.#http.post(parcel.path, parcel.text());
        if (reply.status !== 429 && reply.status !== 503) return parcel.note(reply);
        this.counts.putOff++;
        await sleep(Math.min(1000, Number(reply.headers['retry-after'] ?? 1) * 1000));
      } catch {
        this.counts.broken++;
        // Not too eager: the server that starts up again shares the machine.
        await sleep(50 + Math.random() * 100);
      }
    }
  }
}
