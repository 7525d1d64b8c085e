import type pg from 'pg';
import { Heartbeat } from './heartbeat.ts';
import type { ConnectionPool } from './pool.ts';
import { lsnOf, ReplicaLag } from './replica-lag.ts';
import { type PostgresPlace, parsePostgresUrl } from './url.ts';

/** The pools of one server. */
export interface Pools {
  readonly query: ConnectionPool;
  readonly report: ConnectionPool;
}

/** What a replica says of itself; text, as the driver gives it. */
interface ReplicaRow {
  readonly standby: boolean;
  readonly replayed: string | null;
}

const ASK_REPLICA = 'SELECT pg_is_in_recovery() AS standby, pg_last_wal_replay_lsn()::text AS replayed';

/** Raises no error on a standby: then the URL of the store names none that takes writes, and commits tell so. */
const ASK_PRIMARY =
  'SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END::text AS written';

/** A server that may answer questions. */
export class Replica {
  readonly name: string;
  readonly pools: Pools;
  readonly beat: Heartbeat<ReplicaRow>;
  readonly #lag: ReplicaLag;
  readonly #waiting = new Set<(error: Error) => void>();
  /** Bytes of the log that were replayed when it was asked last. */
  #replayed = -1;
  #asked = 0;
  #fault: string | undefined = 'it was not asked yet';

  constructor({ connectionString, host }: PostgresPlace, lag: ReplicaLag, make: MakePools) {
    this.name = host;
    this.#lag = lag;
    this.pools = make(connectionString);
    this.beat = new Heartbeat<ReplicaRow>(
      { connectionString, application_name: 'pisync health' },
      {
        question: ASK_REPLICA,
        onAnswer: ({ standby, replayed }) => {
          this.#asked = performance.now();
          this.#replayed = replayed === null ? -1 : lsnOf(replayed);
          this.#fault = standby ? undefined : 'it is no standby';
        },
        onSilence: ({ message }) => this.#giveUp(message || 'it does not answer'),
      },
    );
  }

  #giveUp(fault: string): void {
    this.leaveOut(fault);
    for (const leave of [...this.#waiting]) leave(new Error(`${this.name}: ${fault}`));
  }

  /** Waits for an answer of this replica no longer than it is there: a server that is cut off says nothing for long. */
  whileThere<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      answer.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /** Not to be asked until the next look at it succeeds. */
  leaveOut(fault: string): void {
    this.#fault = fault;
  }

  /** How late it is, in milliseconds; a moment's lateness may be the time between two looks. */
  get lagMs(): number {
    return this.#lag.behind(this.#replayed, this.#fault === undefined ? this.#asked : performance.now());
  }

  /** Why it is left out, for people; undefined where it may be asked. */
  faultBeyond(maxLagMs: number): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    const late = this.lagMs;
    return late > maxLagMs ? `it is ${Math.round(late / 1_000)} s behind` : undefined;
  }
}

type MakePools = (connectionString: string) => Pools;

/** Servers that replay the log of the primary: which of them may be asked now. */
export class Replicas {
  readonly all: readonly Replica[];
  readonly #lag = new ReplicaLag();
  readonly #primary: Heartbeat<{ written: string | null }>;
  readonly #maxLagMs: number;
  #turn = 0;

  constructor(urls: readonly string[], maxLagMs: number, primary: pg.ClientConfig, make: MakePools) {
    this.#maxLagMs = maxLagMs;
    this.all = urls.map((url) => new Replica(parsePostgresUrl(url, 'store_read_urls'), this.#lag, make));
    this.#primary = new Heartbeat(
      { ...primary, application_name: 'pisync health' },
      {
        question: ASK_PRIMARY,
        onAnswer: ({ written }) => {
          if (written !== null) this.#lag.primaryAt(lsnOf(written), performance.now());
        },
        // What the replicas have is measured by what is known of the primary until then.
        onSilence: () => {},
      },
    );
  }

  /** Looks at all of them once, and from then on every second. */
  async start(): Promise<void> {
    await this.#primary.start();
    await Promise.all(this.all.map(({ beat }) => beat.start()));
  }

  /** The next one in turn that is there and not too late; undefined where there is none. */
  pick(): Replica | undefined {
    const fit = this.all.filter((replica) => replica.faultBeyond(this.#maxLagMs) === undefined);
    this.#turn += 1;
    return fit[this.#turn % Math.max(1, fit.length)];
  }

  get healthy(): number {
    return this.all.filter((replica) => replica.faultBeyond(this.#maxLagMs) === undefined).length;
  }

  /** Lateness of the latest one, in milliseconds. */
  get lagMs(): number {
    return Math.max(0, ...this.all.map(({ lagMs }) => lagMs));
  }

  /** Those that are left out, and why, for people. */
  get notes(): readonly string[] {
    return this.all.flatMap((replica) => {
      const fault = replica.faultBeyond(this.#maxLagMs);
      return fault === undefined ? [] : [`The replica ${replica.name} is left out: ${fault}.`];
    });
  }

  async close(): Promise<void> {
    await Promise.all([
      this.#primary.stop(),
      ...this.all.flatMap(({ beat, pools }) => [beat.stop(), pools.query.close(), pools.report.close()]),
    ]);
  }
}
