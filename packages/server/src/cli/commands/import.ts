import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { explainDeviceId, isDeviceId, PisyncError } from '@pisync/protocol';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Bar, loadBar } from '../bar.ts';
import { ApiClient } from '../client.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type ImportIdentity, ImportJournal, journalFolder } from '../import/import-journal.ts';
import { type ImportState, printImportProgress, printImportSummary } from '../import/import-report.ts';
import { fileDigest, type ImportCounts, uploadFile } from '../import/import-upload.ts';
import { printable } from '../printable.ts';
import { onStopSignal } from '../stop-signal.ts';
import type { Terminal } from '../terminal.ts';

/** Time between two reports for a person who watches, and for one who does not, milliseconds. */
const repaintMs = 200;
const noteMs = 5000;

interface ImportOptions {
  readonly device: string;
  readonly server?: string;
  readonly restart: boolean;
}

/** Adds `pisync import`. */
export function addImport(program: Command, runner: Runner): void {
  program
    .command('import')
    .argument('<file...>', 'files to import')
    .summary('import files of scanners and GPS receivers')
    .description(
      'Send files to a running server: WiGLE CSV, Kismet (.kismet, CSV, netxml), GPX tracks, the database of PiWardrive, NDJSON; packed with gzip or not.',
    )
    .addOption(
      new Option('--device <id>', 'the device whose observations these are')
        .argParser(deviceOption)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--server <url>', 'server to import into; the same as --url'))
    .addOption(
      new Option('--restart', 'begin at the first line, wherever an import before this one ended').default(
        false,
      ),
    )
    .addHelpText(
      'after',
      `
Importing a file again adds nothing: what is stored already is a duplicate. An import that was interrupted goes on
where it ended when the same command is run again. Rows that are wrong are left out and kept in the quarantine; all
others are stored, and the exit code is 0.
${examples([
  ['pisync import --device unit-7 WigleWifi_20261120.csv', 'what the app of WiGLE exported'],
  ['pisync import --device unit-7 Kismet-*.kismet walk.gpx.gz', 'several files, one after the other'],
  ['pisync import --device unit-7 big.csv --restart', 'from the first line again'],
])}`,
    )
    .action(runner(importFiles));
}

async function importFiles(context: CliContext, command: Command): Promise<ExitCode> {
  const { terminal } = context;
  const { device, server, restart } = command.opts<ImportOptions>();
  const url = (server ?? context.url).replace(/\/+$/, '');
  const files = await Promise.all(command.args.map(measured));
  const client = new ApiClient(url);
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  const journal = new ImportJournal(journalFolder(context.environment));
  const bar = await loadBar();
  const results: object[] = [];
  try {
    // Also tells at once where there is no server.
    await client.ask('GET', '/livez');
    for (const { path, bytes } of files) {
      if (stop.signal.aborted) break;
      const one = new OneImport({
        client,
        journal,
        terminal,
        bar,
        path,
        bytes,
        deviceId: device,
        signal: stop.signal,
      });
      results.push(await one.run(restart));
    }
  } finally {
    client.close();
  }
  if (terminal.json) terminal.result({ files: results });
  return stop.signal.aborted ? exitCodes.failed : exitCodes.ok;
}

/** @throws {PisyncError} `invalid_config` where it is no file that can be read */
async function measured(path: string): Promise<{ path: string; bytes: number }> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error('it is not a file');
    await access(path, constants.R_OK);
    return { path, bytes: found.size };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such file',
      EACCES: 'it may not be read',
    };
    const detail = `Cannot import ${JSON.stringify(path)}: ${reasons[code ?? ''] ?? message}.`;
    throw new PisyncError('invalid_config', { detail, field: 'file', cause });
  }
}

interface ImportJob {
  readonly client: ApiClient;
  readonly journal: ImportJournal;
  readonly terminal: Terminal;
  readonly bar: Bar;
  readonly path: string;
  readonly bytes: number;
  readonly deviceId: string;
  readonly signal: AbortSignal;
}

/** The import of one file. */
class OneImport {
  readonly #job: ImportJob;
  #sent = 0;
  #counts: ImportCounts = { line: 0, stored: 0, duplicate: 0, conflict: 0, rejected: 0, points: 0 };
  #startedAt = performance.now();

  constructor(job: ImportJob) {
    this.#job = job;
  }

  /** @returns the result as `--json` prints it */
  async run(restart: boolean): Promise<object> {
    const { client, journal, terminal, bar, path, bytes, deviceId, signal } = this.#job;
    const identity = await this.#identity();
    if (identity === undefined) return this.#stopped();
    const line = restart ? 0 : await journal.read(identity);
    this.#counts = { ...this.#counts, line };
    if (line > 0 && !terminal.json) {
      terminal.note(
        `${printable(path)}: going on from line ${line + 1}; --restart begins at the first line.`,
      );
    }
    this.#startedAt = performance.now();
    const show = () => printImportProgress(this.#state(), bar, terminal);
    const ticker = setInterval(show, terminal.live ? repaintMs : noteMs);
    try {
      await uploadFile({
        client,
        path,
        bytes,
        deviceId,
        fromLine: line + 1,
        signal,
        onSent: (sent) => {
          this.#sent = sent;
        },
        onCounts: async (counts) => {
          this.#counts = counts;
          if (counts.line > line) await journal.write(identity, counts.line);
        },
      });
    } catch (error) {
      if (signal.aborted) return this.#stopped();
      throw this.#resumable(error);
    } finally {
      clearInterval(ticker);
    }
    await journal.forget(identity);
    if (!terminal.json) printImportSummary(this.#state(), terminal);
    return this.#result(true);
  }

  async #identity(): Promise<ImportIdentity | undefined> {
    const { client, path, deviceId, signal } = this.#job;
    try {
      return { sha256: await fileDigest(path, signal), deviceId, server: client.url };
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  #state(): ImportState {
    const { path, bytes } = this.#job;
    const elapsedMs = performance.now() - this.#startedAt;
    return { file: path, bytes, sent: this.#sent, counts: this.#counts, elapsedMs };
  }

  #stopped(): object {
    const { terminal, path } = this.#job;
    if (!terminal.json) terminal.note(`${printable(path)}: stopped. ${this.#hint()}`);
    return this.#result(false);
  }

  #hint(): string {
    const { line } = this.#counts;
    if (line === 0) return 'Nothing is known to be stored; run the same command again.';
    return `Everything up to line ${line} is stored; run the same command again to go on from line ${line + 1}.`;
  }

  /** The same error with what to do next, where something was stored. */
  #resumable(error: unknown): unknown {
    if (!(error instanceof PisyncError) || this.#counts.line === 0) return error;
    const detail = `${error.message} ${this.#hint()}`;
    return new PisyncError(error.code, {
      detail,
      cause: error,
      ...(error.field === undefined ? {} : { field: error.field }),
    });
  }

  #result(done: boolean): object {
    const { points, ...counts } = this.#counts;
    return { file: this.#job.path, done, ...counts, track_points: points };
  }
}

function deviceOption(text: string): string {
  if (isDeviceId(text)) return text;
  throw new InvalidArgumentError(`It ${explainDeviceId(text)}.`);
}
