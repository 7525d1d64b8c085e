import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { parseJson } from '@pisync/protocol';

/** What an import is known by: the same file for another device, or to another server, is another import. */
export interface ImportIdentity {
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
  readonly deviceId: string;
  /** URL of the server. */
  readonly server: string;
}

/** Where imports that broke off are remembered: `$XDG_STATE_HOME/pisync/imports`, else `~/.local/state/pisync/imports`. */
export function journalFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const given = environment['XDG_STATE_HOME'] ?? '';
  // The specification wants relative paths to be ignored.
  const home = environment['HOME'] || homedir();
  const state = isAbsolute(given) ? given : join(home, '.local', 'state');
  return join(state, 'pisync', 'imports');
}

/** Remembers how far each import came that was not finished: a small file for each. What it forgets costs time, never data. */
export class ImportJournal {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The last line that the server answered for; 0 where nothing is known. */
  async read(identity: ImportIdentity): Promise<number> {
    try {
      const entry = parseJson(await readFile(this.#file(identity), 'utf8')) as Record<string, unknown>;
      const line = entry['line'];
      return Number.isSafeInteger(line) ? Math.max(0, line as number) : 0;
    } catch {
      // None, damaged or not readable: the import begins at the start, and what was there is told as duplicates.
      return 0;
    }
  }

  /** Whole or not at all: a crash leaves this entry or the one before. */
  async write(identity: ImportIdentity, line: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = this.#file(identity);
    const entry = {
      sha256: identity.sha256,
      device_id: identity.deviceId,
      server: identity.server,
      line,
      updated_at: new Date().toISOString(),
    };
    const fresh = `${file}.${process.pid}`;
    await writeFile(fresh, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    await rename(fresh, file);
  }

  async forget(identity: ImportIdentity): Promise<void> {
    await rm(this.#file(identity), { force: true });
  }

  /** The name is the identity; what stands in the file besides the line is for people. */
  #file({ sha256, deviceId, server }: ImportIdentity): string {
    const name = createHash('sha256')
      .update(JSON.stringify([sha256, deviceId, server]))
      .digest('hex');
    return join(this.#folder, `${name.slice(0, 32)}.json`);
  }
}
