import { createReadStream, statSync } from 'node:fs';
import { request } from 'node:http';
import { pipeline } from 'node:stream/promises';

/** What became of a file, by the last line of the reply. */
export interface Uploaded {
  readonly stored: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly rejected: number;
  /** From the first byte to the end of the reply. */
  readonly seconds: number;
}

/**
 * Sends a file to `POST /api/imports` as fast as the server takes it.
 *
 * @throws {Error} where the import did not come to its end
 */
export async function uploadFile(url: string, path: string, deviceId: string): Promise<Uploaded> {
  const began = performance.now();
  const sent = request(`${url}/api/imports?device_id=${deviceId}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'content-length': statSync(path).size },
  });
  const answered = new Promise<{ status: number; text: string }>((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
  });
  const [{ status, text }] = await Promise.all([
    answered,
    pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), sent),
  ]);
  const last = text.trim().split('\n').at(-1) ?? '';
  const end = (status === 200 ? JSON.parse(last) : {}) as Partial<Uploaded> & { done?: boolean };
  if (end.done !== true) throw new Error(`the import broke off: ${status} ${last.slice(0, 300)}`);
  const { stored = 0, duplicate = 0, conflict = 0, rejected = 0 } = end;
  return { stored, duplicate, conflict, rejected, seconds: (performance.now() - began) / 1000 };
}
