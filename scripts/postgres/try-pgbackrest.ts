/**
 * Tries the recipe of docs/guide/backup.md: PiSync on a real PostgreSQL with the samples of deploy/postgres, a full and a
 * differential backup, a disaster, and a restore to the moment before it, compared with what clients were told to be stored. Only
 * paths and the port of the samples are replaced.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, startShell } from '../trial.ts';

const samples = resolve(import.meta.dirname, '..', '..', 'deploy', 'postgres');
const program = resolve(import.meta.dirname, '..', '..', 'packages', 'server', 'bin', 'pisync.js');
/** Newest first. */
const versions = [18, 17, 16, 15];
/** How long PostgreSQL may take to start, to stop or to recover. */
const patienceSeconds = 60;
const patienceMs = patienceSeconds * 1000;

/** Where the programs of PostgreSQL are; undefined where there is no server. */
function findServer(): string | undefined {
  return versions
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
    .find((folder) => existsSync(join(folder, 'initdb')));
}

function hasPgBackRest(): boolean {
  try {
    execFileSync('pgbackrest', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** PostgreSQL does not run as root: then all is done as its own user. */
function ownUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** The lines of a sample with other values of some settings, each of which it must have exactly once. */
function adapted(sample: string, values: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(samples, sample), 'utf8');
  for (const [name, value] of Object.entries(values)) {
    const line = new RegExp(`^${name}( ?= ?).*$`, 'gm');
    assert.equal(text.match(line)?.length, 1, `${sample} sets ${name} once`);
    text = text.replace(line, (_, equals: string) => `${name}${equals}${value}`);
  }
  return text;
}

/** A cluster with its archive, all of it in one folder. */
class Trial {
  readonly #bin: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #user: { uid: number; gid: number } | undefined;

  constructor(bin: string, folder: string, port: number, user: { uid: number; gid: number } | undefined) {
    this.#bin = bin;
    this.#folder = folder;
    this.#port = port;
    this.#user = user;
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  get #config(): string {
    return join(this.#folder, 'pgbackrest.conf');
  }

  /** @returns what it wrote */
  run(program: string, ...words: readonly string[]): string {
    const place = existsSync(join(this.#bin, program)) ? join(this.#bin, program) : program;
    return execFileSync(place, words, {
      cwd: this.#folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 2 * patienceMs,
      ...this.#user,
    });
  }

  /** Where PiSync keeps its store. */
  get #store(): string {
    return `postgres://postgres@127.0.0.1:${this.#port}/postgres`;
  }

  /** Runs PiSync on it, sends events to it, and stops it. @returns the ledger of what was acknowledged */
  async send(name: string, events: number): Promise<string> {
    const ledger = join(this.#folder, `${name}.ndjson`);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const serve = `${process.execPath} ${program} serve --port ${port} --store ${this.#store}`;
    const server = await startShell(serve, this.#folder, process.env, `${url}/readyz`, patienceMs);
    try {
      const words = ['--devices', '40', '--events', String(events), '--rate', '0', '--seed', name];
      this.pisync('simulate', '--url', url, ...words, '--ledger', ledger);
    } finally {
      await server.stop();
    }
    return ledger;
  }

  /** Fails where the store lacks something of a ledger, or has it otherwise. */
  verify(ledger: string): void {
    this.pisync('verify', '--store', this.#store, '--ledger', ledger);
  }

  pisync(...words: readonly string[]): void {
    process.stdout.write(`$ pisync ${words.join(' ')}\n`);
    execFileSync(process.execPath, [program, ...words], {
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 2 * patienceMs,
    });
  }

  sql(text: string): string {
    const where = ['-h', this.#folder, '-p', String(this.#port), '-U', 'postgres', '-d', 'postgres'];
    return this.run('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', ...where, '-c', text).trim();
  }

  pgBackRest(...words: readonly string[]): string {
    process.stdout.write(`$ pgbackrest --stanza=pisync ${words.join(' ')}\n`);
    return this.run('pgbackrest', `--config=${this.#config}`, '--stanza=pisync', ...words);
  }

  make(): void {
    this.run('initdb', '-D', this.#data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync');
    for (const name of ['repo', 'log', 'lock', 'spool']) {
      mkdirSync(join(this.#folder, name));
      if (this.#user !== undefined) chownSync(join(this.#folder, name), this.#user.uid, this.#user.gid);
    }
    const paths = {
      'repo1-path': join(this.#folder, 'repo'),
      'log-path': join(this.#folder, 'log'),
      'lock-path': join(this.#folder, 'lock'),
      'spool-path': join(this.#folder, 'spool'),
      'pg1-path': this.#data,
      'pg1-port': String(this.#port),
      'pg1-socket-path': this.#folder,
    };
    writeFileSync(this.#config, adapted('pgbackrest.conf', paths));
    const push = `'pgbackrest --config=${this.#config} --stanza=pisync archive-push %p'`;
    const settings = adapted('postgresql-archive.conf', { archive_command: push });
    const own = `port = ${this.#port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '${this.#folder}'\n`;
    writeFileSync(join(this.#data, 'postgresql.conf'), `${settings}\n${own}`);
  }

  start(): void {
    const log = join(this.#folder, 'server.log');
    this.run('pg_ctl', 'start', '-w', '-t', String(patienceSeconds), '-D', this.#data, '-l', log);
  }

  /** Does nothing where it does not run. */
  stop(): void {
    if (!existsSync(join(this.#data, 'postmaster.pid'))) return;
    this.run('pg_ctl', 'stop', '-w', '-t', String(patienceSeconds), '-m', 'fast', '-D', this.#data);
  }

  async recovered(): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (this.sql('SELECT pg_is_in_recovery()') !== 'f') {
      assert.ok(Date.now() < deadline, 'recovery does not end');
      await sleep(100);
    }
  }
}

const EVENTS = 1_000;
const COUNT = 'SELECT count(*) FROM pisync.sync_event';

async function tryRecipe(trial: Trial): Promise<void> {
  trial.make();
  trial.start();
  const first = await trial.send('first', EVENTS);
  trial.pgBackRest('stanza-create');
  trial.pgBackRest('check');
  trial.pgBackRest('--type=full', 'backup');
  const second = await trial.send('second', EVENTS);
  // Ends of backups are noted in whole seconds, and one must lie before the wanted moment.
  await sleep(1100);
  const target = trial.sql('SELECT clock_timestamp()');
  await sleep(1100);
  const later = await trial.send('later', EVENTS);
  // A newer backup than the wanted moment: the restore must take the older one by itself.
  trial.pgBackRest('--type=diff', 'backup');
  await trial.send('last', EVENTS);
  trial.sql('DROP SCHEMA pisync CASCADE');
  trial.stop();

  trial.pgBackRest('--delta', '--type=time', `--target=${target}`, '--target-action=promote', 'restore');
  trial.start();
  await trial.recovered();
  assert.equal(trial.sql(COUNT), String(2 * EVENTS));
  for (const ledger of [first, second]) trial.verify(ledger);
  assert.throws(() => trial.verify(later), { status: 1 });

  // The restored cluster goes on, on a timeline of its own, and is backed up again.
  trial.verify(await trial.send('after', EVENTS));
  trial.pgBackRest('check');
  trial.pgBackRest('--type=full', 'backup');
  const [stanza] = JSON.parse(trial.pgBackRest('--output=json', 'info')) as {
    backup: { type: string }[];
    status: { message: string };
  }[];
  assert.equal(stanza?.status.message, 'ok');
  assert.equal(stanza?.backup.filter(({ type }) => type === 'full').length, 2);
  assert.equal(trial.sql(COUNT), String(3 * EVENTS));
}

const bin = findServer();
if (!hasPgBackRest()) {
  process.stdout.write('not run here: pgbackrest is not installed\n');
} else if (bin === undefined) {
  process.stdout.write('not run here: PostgreSQL is not installed\n');
} else {
  const folder = mkdtempSync(join(tmpdir(), 'pisync-pgbackrest-'));
  const user = ownUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const trial = new Trial(bin, folder, await freePort(), user);
  try {
    await tryRecipe(trial);
    process.stdout.write(
      `Restored to the moment before the disaster: ${2 * EVENTS} events of ${2 * EVENTS}, none of later.\n`,
    );
  } finally {
    trial.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
