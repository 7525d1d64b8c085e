import pg from 'pg';

/** Time between two looks at a server, in milliseconds. */
const EVERY_MS = 1_000;
/** A server that says nothing for so long is taken for gone, in milliseconds. */
const SILENT_MS = 2_000;

/** What to ask a server again and again, and whom to tell. */
export interface Watch<R extends object> {
  readonly question: string;
  readonly onAnswer: (row: R) => void;
  /** Told at each look that fails. */
  readonly onSilence: (error: Error) => void;
}

/** Asks a server one question a second on a connection of its own, and connects again whenever that is lost. */
export class Heartbeat<R extends object> {
  readonly #config: pg.ClientConfig;
  readonly #watch: Watch<R>;
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(config: pg.ClientConfig, watch: Watch<R>) {
    this.#config = config;
    this.#watch = watch;
  }

  /** Resolves after the first look. */
  async start(): Promise<void> {
    this.#beating = this.#beat();
    await this.#beating;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.start(), EVERY_MS).unref();
  }

  async #beat(): Promise<void> {
    try {
      const client = await this.#connected();
      const { rows } = await client.query<R>(this.#watch.question);
      if (!this.#stopped) this.#watch.onAnswer(rows[0] as R);
    } catch (error) {
      this.#drop();
      if (!this.#stopped) this.#watch.onSilence(error as Error);
    }
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client;
    const client = new pg.Client({
      ...this.#config,
      connectionTimeoutMillis: SILENT_MS,
      query_timeout: SILENT_MS,
    });
    client.on('error', () => {});
    this.#client = client;
    await client.connect();
    return client;
  }

  #drop(): void {
    // Not waited for: a server that is gone does not say goodbye.
    this.#client?.end().catch(() => {});
    this.#client = undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#beating;
    this.#drop();
  }
}
