import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const NOBODY = 65_534;

/** The program, where it is installed. */
export const pgBouncerProgram = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) =>
  existsSync(path),
);

/** PgBouncer in transaction mode before a server: each transaction may run on another of few connections. */
export class PgBouncer {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
  }

  /** @param serverPort - of a server on loopback that trusts everybody */
  static async start(serverPort: number, connections = 4): Promise<PgBouncer> {
    const folder = await mkdtemp(join(tmpdir(), 'pisync-pgbouncer-'));
    const bouncer = new PgBouncer(folder, await freePort());
    const lines = [
      '[databases]',
      `* = host=127.0.0.1 port=${serverPort} user=postgres`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${bouncer.port}`,
      'unix_socket_dir =',
      'auth_type = any',
      'pool_mode = transaction',
      `default_pool_size = ${connections}`,
      // Whatever a transaction leaves on a connection, the next one gets.
      'server_reset_query =',
      // The last one in is not the first one out: transactions of one client change connections all the time.
      'server_round_robin = 1',
      'max_client_conn = 200',
    ];
    await writeFile(join(folder, 'pgbouncer.ini'), `${lines.join('\n')}\n`);
    if (process.getuid?.() === 0) chownSync(folder, NOBODY, NOBODY);
    await bouncer.launch().catch(async (error: unknown) => {
      await bouncer.stop();
      throw error;
    });
    return bouncer;
  }

  /** The URL of the same database, through PgBouncer. */
  url(direct: string): string {
    const url = new URL(direct);
    url.port = String(this.port);
    return url.href;
  }

  async launch(): Promise<void> {
    const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    this.#process = spawn(pgBouncerProgram as string, [join(this.#folder, 'pgbouncer.ini')], {
      ...user,
      cwd: this.#folder,
      stdio: 'ignore',
    });
    for (let tries = 0; ; tries += 1) {
      const client = new pg.Client({
        connectionString: `postgres://postgres@127.0.0.1:${this.port}/postgres`,
      });
      client.on('error', () => {});
      try {
        await client.connect();
        return;
      } catch (error) {
        if (this.#process.exitCode !== null || tries > 200) throw error;
        await delay(25);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }

  /** Ends it at once, with all connections of both sides. */
  async kill(): Promise<void> {
    const own = this.#process;
    this.#process = undefined;
    if (own === undefined || own.exitCode !== null) return;
    const closed = once(own, 'exit');
    own.kill('SIGKILL');
    await closed;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}
