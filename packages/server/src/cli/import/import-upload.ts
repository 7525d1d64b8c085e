import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { PisyncError } from '@pisync/protocol';
import { type ApiClient, problemOf } from '../client.ts';

/** What became of a file, as the server tells it. */
export interface ImportCounts {
  /** Everything up to this line is answered for. */
  readonly line: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly rejected: number;
  /** Points of GPS tracks. */
  readonly points: number;
}

export interface Upload {
  readonly client: ApiClient;
  readonly path: string;
  readonly bytes: number;
  readonly deviceId: string;
  readonly fromLine: number;
  readonly signal: AbortSignal;
  /** Called with the bytes that were handed to the network so far. */
  readonly onSent: (bytes: number) => void;
  /** Called with each line of the answer; awaited. */
  readonly onCounts: (counts: ImportCounts) => Promise<void>;
}

/** SHA-256 of a file, hexadecimal. */
export async function fileDigest(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576, signal })) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * Sends a file to a server.
 *
 * @throws {PisyncError} `server_unreachable`, or the error that the server named, also where it came behind the first lines
 */
export async function uploadFile(upload: Upload): Promise<void> {
  const { client, path, bytes, deviceId, fromLine, signal } = upload;
  const query = new URLSearchParams({ device_id: deviceId, name: nameOf(path), from_line: String(fromLine) });
  // No more than was measured, should the file still grow.
  const file = createReadStream(path, bytes === 0 ? {} : { end: bytes - 1 });
  let sent = 0;
  file.on('data', (chunk) => {
    sent += chunk.length;
    upload.onSent(sent);
  });
  let done = false;
  for await (const line of client.upload(`/api/imports?${query}`, file, bytes, signal)) {
    const answer = (typeof line === 'object' && line !== null ? line : {}) as Record<string, unknown>;
    const counts = countsOf(answer);
    if (counts !== undefined) await upload.onCounts(counts);
    if (typeof answer['code'] === 'string')
      throw problemOf({ status: statusOf(answer), headers: {}, body: answer });
    done = answer['done'] === true;
  }
  if (done) return;
  const detail = `The answer of ${client.url} broke off.`;
  throw new PisyncError('server_unreachable', { detail });
}

/** The last part of the path, as far as the server takes it. */
function nameOf(path: string): string {
  return basename(path).toWellFormed().slice(0, 255) || 'file';
}

function statusOf(answer: Record<string, unknown>): number {
  return typeof answer['status'] === 'number' ? answer['status'] : 500;
}

function countsOf(answer: Record<string, unknown>): ImportCounts | undefined {
  const names = ['line', 'stored', 'duplicate', 'conflict', 'rejected', 'track_points'] as const;
  const values = names.map((name) => answer[name]);
  if (!values.every((value) => Number.isSafeInteger(value) && (value as number) >= 0)) return undefined;
  const [line = 0, stored = 0, duplicate = 0, conflict = 0, rejected = 0, points = 0] = values as number[];
  return { line, stored, duplicate, conflict, rejected, points };
}
