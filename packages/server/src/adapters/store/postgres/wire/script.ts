import type { Writable } from 'node:stream';
import { copyInStatement } from './copy-in.ts';
import { MESSAGE_HEAD, writeCopyData, writeCopyDone, writeHead } from './copy-messages.ts';
import type { CopyRows } from './copy-rows.ts';

/** Letters of messages. */
const QUERY = 0x51;
const PARSE = 0x50;
const BIND = 0x42;
const EXECUTE = 0x45;
const SYNC = 0x53;

const BINARY = 1;

/** A statement with what `$1`, `$2` … stand for: texts, numbers, bytes. */
export interface Statement {
  readonly text: string;
  readonly values: readonly (string | number | Buffer)[];
}

/** What the server answers in one piece, and then is ready for more. */
interface Part {
  write(stream: Writable): void;
}

/**
 * Statements and the rows of their COPYs in one piece: the server works through them without asking back. An error leaves the
 * transaction open and failed, so that what follows does nothing.
 *
 * The server reads the rows of a COPY when it gets there, and passes over those of a COPY that an error kept it from (manual,
 * "Message Flow": messages of COPY outside of one are ignored).
 */
export class Script {
  readonly #parts: Part[] = [];
  #simple: SimplePart | undefined;

  get parts(): number {
    return this.#parts.length;
  }

  /** Adds a short statement: its values stand in its text, which the server reads whole. */
  add({ text, values }: Statement): void {
    this.#inText().text += `${text.replace(/\$(\d+)/g, (_, at: string) => literal(values[Number(at) - 1] as string))};\n`;
  }

  /** Adds a statement with long values. */
  bind(statement: Statement): void {
    this.#parts.push(new BoundPart(statement));
    this.#simple = undefined;
  }

  /** @param into - table and columns, such as `identity (key, body)` */
  copy(into: string, rows: CopyRows): void {
    const part = this.#inText();
    part.text += `${copyInStatement(into)};\n`;
    part.copies.push(rows.end());
  }

  #inText(): SimplePart {
    if (this.#simple === undefined) {
      this.#simple = new SimplePart();
      this.#parts.push(this.#simple);
    }
    return this.#simple;
  }

  /** Writes the messages. */
  write(stream: Writable): void {
    stream.cork();
    for (const part of this.#parts) part.write(stream);
    stream.uncork();
  }
}

/** Statements in one text: the simple protocol, the only one that has COPY beside others. */
class SimplePart implements Part {
  text = '';
  readonly copies: Buffer[] = [];

  write(stream: Writable): void {
    stream.write(message(QUERY, `${this.text}\0`));
    for (const copy of this.copies) {
      writeCopyData(stream, copy);
      writeCopyDone(stream);
    }
  }
}

/** One statement with its values beside it, without a name. */
class BoundPart implements Part {
  readonly #statement: Statement;

  constructor(statement: Statement) {
    this.#statement = statement;
  }

  write(stream: Writable): void {
    const { text, values } = this.#statement;
    stream.write(message(PARSE, `\0${text}\0\0\0`));
    this.#bind(stream, values);
    stream.write(message(EXECUTE, '\0\0\0\0\0'));
    stream.write(message(SYNC, ''));
  }

  #bind(stream: Writable, values: Statement['values']): void {
    const encoded = values.map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(String(value))));
    const length = encoded.reduce((sum, bytes) => sum + 4 + bytes.length, 6 + 2 * values.length + 2);
    const bytes = Buffer.allocUnsafe(MESSAGE_HEAD + length);
    let at = writeHead(bytes, BIND, length);
    // Neither the portal nor the statement has a name.
    at = bytes.writeInt16BE(0, at);
    at = bytes.writeInt16BE(values.length, at);
    for (const value of values) at = bytes.writeInt16BE(Buffer.isBuffer(value) ? BINARY : 0, at);
    at = bytes.writeInt16BE(values.length, at);
    for (const value of encoded) {
      at = bytes.writeInt32BE(value.length, at);
      at += value.copy(bytes, at);
    }
    bytes.writeInt16BE(0, at);
    stream.write(bytes);
  }
}

function message(letter: number, content: string): Buffer {
  const length = Buffer.byteLength(content);
  const bytes = Buffer.allocUnsafe(MESSAGE_HEAD + length);
  bytes.write(content, writeHead(bytes, letter, length), 'utf8');
  return bytes;
}

/** Texts in the form that means the same whatever `standard_conforming_strings` is set to. */
function literal(value: string | number | Buffer): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return `E'\\\\x${value.toString('hex')}'`;
  if (!/['\\]/.test(value)) return `'${value}'`;
  return `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
