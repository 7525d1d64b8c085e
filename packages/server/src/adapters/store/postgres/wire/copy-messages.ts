import type { Writable } from 'node:stream';

/*
 * Messages between client and server (PostgreSQL manual, "Message Formats"): a letter, the length of what follows with itself,
 * the content.
 */

/** Bytes before the content. */
export const MESSAGE_HEAD = 5;

export const COPY_DATA = 0x64;
export const COPY_DONE = 0x63;
const COPY_FAIL = 0x66;

/** @param length - bytes of the content. @returns where it begins */
export function writeHead(into: Buffer, letter: number, length: number): number {
  return into.writeInt32BE(length + 4, into.writeUInt8(letter));
}

function head(letter: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(MESSAGE_HEAD);
  writeHead(bytes, letter, length);
  return bytes;
}

/** Sends bytes of a COPY. @returns as `Writable.write` */
export function writeCopyData(stream: Writable, bytes: Buffer): boolean {
  stream.write(head(COPY_DATA, bytes.length));
  return stream.write(bytes);
}

/** Ends a COPY whose rows were all sent. */
export function writeCopyDone(stream: Writable): void {
  stream.write(head(COPY_DONE, 0));
}

/** Ends a COPY as failed. */
export function writeCopyFail(stream: Writable): void {
  const reason = Buffer.from('given up\0');
  stream.write(Buffer.concat([head(COPY_FAIL, reason.length), reason]));
}
