/**
 * kill -9 of PostgreSQL and of PiSync in turns under load, with a ledger that the client keeps.
 * Usage: node --conditions=source bench/crash/postgres-faults.ts [--moments 20] [--devices 200] [--events 300000] [--points 600000]
 *   [--detections 100000] [--work DIR]
 * Exit code 1 when anything acknowledged is missing, anything is there twice, a number is wrong, PiSync does not go on by itself
 * after PostgreSQL died, or the full check of the store finds a fault.
 */
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pisyncOn } from '../harness/pisync-command.ts';
import { BenchPostgres } from '../harness/postgres/bench-postgres.ts';
import { freePort, type ServerCommand, type SpawnedServer, spawnServer } from '../harness/server-process.ts';
import { compareAll, doctor, type Ledgers, newLedgers, parcelSources } from './all-kinds.ts';
import { CrashClient } from './crash-client.ts';
import { printReport, type ReportLine } from './report.ts';

const { values } = parseArgs({
  options: {
    moments: { type: 'string', default: '20' },
    devices: { type: 'string', default: '200' },
    events: { type: 'string', default: '300000' },
    points: { type: 'string', default: '600000' },
    detections: { type: 'string', default: '100000' },
    work: { type: 'string', default: tmpdir() },
  },
});

/** What dies, in turns: PiSync, all of PostgreSQL, or one of its connections, after which it starts all of them anew. */
const victims = ['PostgreSQL', 'PiSync', 'one process of PostgreSQL', 'PiSync'] as const;

interface Deaths {
  postgres: number;
  backend: number;
  pisync: number;
  /** Of PiSync before it was ready. */
  starting: number;
}

class Faults {
  readonly deaths: Deaths = { postgres: 0, backend: 0, pisync: 0, starting: 0 };
  /** Deaths of PostgreSQL after which PiSync acknowledged nothing, or ended. */
  stuck = 0;
  readonly #postgres: BenchPostgres;
  readonly #command: ServerCommand;
  readonly #ledgers: Ledgers;
  #server: SpawnedServer;

  constructor(postgres: BenchPostgres, command: ServerCommand, ledgers: Ledgers, server: SpawnedServer) {
    this.#postgres = postgres;
    this.#command = command;
    this.#ledgers = ledgers;
    this.#server = server;
  }

  /** The server of the moment. */
  get server(): SpawnedServer {
    return this.#server;
  }

  async moment(number: number): Promise<void> {
    await sleep(200 + Math.random() * 1500);
    const victim = victims[number % victims.length];
    if (victim === 'PiSync') return this.#killPisync();
    if (victim === 'PostgreSQL') {
      this.deaths.postgres++;
      await this.#postgres.kill();
      await sleep(Math.random() * 1500);
      await this.#postgres.launch();
    } else if (this.#postgres.killOne()) this.deaths.backend++;
    if (this.#server.alive() && (await this.#acknowledges(30))) return;
    this.stuck++;
    if (!this.#server.alive()) await this.#startPisync();
  }

  async #killPisync(): Promise<void> {
    this.deaths.pisync++;
    await this.#server.kill();
    // It ends with an error where there is no database yet.
    await this.#postgres.answers();
    while (Math.random() < 0.25) {
      // Its first steps must bear being interrupted, too.
      this.#server = await spawnServer(this.#command);
      await sleep(50 + Math.random() * 800);
      await this.#server.kill();
      this.deaths.starting++;
    }
    await this.#startPisync();
  }

  async #startPisync(): Promise<void> {
    this.#server = await spawnServer(this.#command);
    await this.#server.ready();
  }

  /** Waits until new observations are acknowledged; false after `seconds` without one. */
  async #acknowledges(seconds: number): Promise<boolean> {
    const sum = (): number =>
      Object.values(this.#ledgers).reduce((all, ledger) => all + ledger.acknowledgedCount, 0);
    const before = sum();
    const limit = performance.now() + seconds * 1000;
    while (performance.now() < limit) {
      if (sum() > before) return true;
      await sleep(20);
    }
    return false;
  }
}

async function main(): Promise<boolean> {
  const postgres = await BenchPostgres.start(values.work);
  let right = false;
  try {
    right = await run(postgres);
    return right;
  } finally {
    if (right) {
      await postgres.stop();
    } else {
      await postgres.kill().catch(() => {});
      process.stdout.write(`  the data of PostgreSQL are kept in ${postgres.folder}\n`);
    }
  }
}

async function run(postgres: BenchPostgres): Promise<boolean> {
  const store = await postgres.createDatabase();
  const command = { ...pisyncOn(store), port: await freePort() };
  const ledgers = newLedgers(Number(values.devices));
  const sources = parcelSources(ledgers, {
    events: Number(values.events),
    points: Number(values.points),
    detections: Number(values.detections),
  });
  const first = await spawnServer(command);
  await first.ready();
  const client = new CrashClient(first.url, sources, 8);
  const faults = new Faults(postgres, command, ledgers, first);
  const began = performance.now();
  let compared: Awaited<ReturnType<typeof compareAll>>;
  try {
    for (let number = 0; number < Number(values.moments); number++) {
      await faults.moment(number);
      if (number % 5 === 4) process.stderr.write(`  ${number + 1} moments\n`);
    }
    // A second of ordinary work: the store must also go on from where the last one left it.
    await sleep(1000);
    await client.finish();
    compared = await compareAll(first.url, ledgers);
  } finally {
    await faults.server.stop();
  }
  const checked = doctor(store);
  const seconds = Math.round((performance.now() - began) / 1000);
  const { deaths } = faults;
  const lines: ReportLine[] = [
    ['kills of PostgreSQL', deaths.postgres, true],
    ['kills of one of its processes', deaths.backend, true],
    ['kills of PiSync', deaths.pisync, true],
    ['kills of PiSync while it started', deaths.starting, true],
    ['PiSync did not go on after PostgreSQL died', faults.stuck, faults.stuck === 0],
    ...compared.lines,
    ['faults that pisync doctor ends with', Number(!checked.right), checked.right],
  ];
  const title = `kill -9 at ${values.moments} moments, ${values.devices} devices of each kind on PostgreSQL, ${seconds} s`;
  const right = printReport(title, client.counts, lines, compared.examples);
  process.stdout.write(`${checked.told}\n`);
  return right;
}

process.exit((await main()) ? 0 : 1);
