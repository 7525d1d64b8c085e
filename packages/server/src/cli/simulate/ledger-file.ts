import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { PisyncError } from '@pisync/protocol';
import type { FleetEvent } from './fleet.ts';

/** Characters that are kept until they are written. */
const BUFFERED = 262_144;
/** Longest end of a file that is looked at for a line end. */
const LONGEST_LINE = 1_048_576;

/**
 * Writes down what a server acknowledged, for `pisync verify --ledger`: a line for each event, in the order of the answers.
 * A ledger that exists goes on. What a killed run had not yet written is not claimed.
 */
export class LedgerFile {
  readonly #file: number;
  #lines: string[] = [];
  #size = 0;

  /** @throws {PisyncError} `invalid_config` where the file cannot be written */
  constructor(path: string) {
    try {
      this.#file = openSync(path, 'a+');
      dropBrokenLine(this.#file);
    } catch (cause) {
      const detail = `The ledger cannot be written: ${(cause as Error).message}.`;
      throw new PisyncError('invalid_config', { field: 'ledger', detail, cause });
    }
  }

  /** @param result - `unsure` where an attempt had no answer, so that the server may hold the event or not */
  add({ wire }: FleetEvent, result: 'stored' | 'duplicate' | 'unsure'): void {
    const line = `{"result":"${result}","item":${JSON.stringify(wire)}}\n`;
    this.#lines.push(line);
    this.#size += line.length;
    if (this.#size >= BUFFERED) this.#write();
  }

  close(): void {
    this.#write();
    closeSync(this.#file);
  }

  #write(): void {
    const bytes = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#size = 0;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
  }
}

/** Cuts off what follows the last line end. */
function dropBrokenLine(file: number): void {
  const { size } = fstatSync(file);
  const end = Buffer.alloc(Math.min(size, LONGEST_LINE));
  readSync(file, end, 0, end.length, size - end.length);
  const broken = end.length - (end.lastIndexOf(0x0a) + 1);
  if (broken > 0) ftruncateSync(file, size - broken);
}
