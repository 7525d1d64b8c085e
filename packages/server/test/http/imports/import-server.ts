import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { parse } from 'node:querystring';
import { after } from 'node:test';
import { Exchange } from '../../../src/http/exchange.ts';
import { answerClientError } from '../../../src/http/reply/client-error.ts';
import { postImport } from '../../../src/http/routes/imports/post-import.ts';
import type { Services } from '../../../src/http/services.ts';
import { createLog } from '../../../src/roles/log.ts';
import { systemClock } from '../../../src/roles/system-clock.ts';
import { Admission } from '../../../src/services/admission/admission.ts';
import { Imports } from '../../../src/services/ingest/imports.ts';
import { FakeSink } from '../../services/ingest/fake-sink.ts';

export interface ImportServer {
  readonly url: string;
  readonly sink: FakeSink;
  readonly admission: Admission;
  /** Of all requests so far. */
  readonly urls: readonly string[];
}

/** A server that has the import route and `/livez`, over a sink that the test looks into; it stops after the tests of the file. */
export async function startImports(
  settings: { readonly maxImportBytes?: number; readonly requestTimeoutMs?: number } = {},
): Promise<ImportServer> {
  const sink = new FakeSink();
  const maxImportBytes = settings.maxImportBytes ?? 200_000_000;
  const requestTimeoutMs = settings.requestTimeoutMs ?? 10_000;
  const bucket = { perSecond: 1e9, burst: 1e9 };
  const admission = new Admission(
    { device: bucket, total: bucket, maxWaitingItems: 1e9, maxBufferedBytes: 1_000_000 },
    systemClock,
    Math.random,
    { refused: () => undefined } as never,
  );
  const services = {
    imports: new Imports(
      sink,
      systemClock,
      { spoolFolder: tmpdir(), maxBytes: maxImportBytes },
      400 * 86_400_000,
    ),
    maxImportBytes,
    requestTimeoutMs,
    admission,
    clock: systemClock,
    log: createLog('silent'),
    metrics: { request: () => undefined },
    nextRequestId: () => 'request-1',
  } as unknown as Services;
  const urls: string[] = [];
  const server = createServer(
    { requestTimeout: requestTimeoutMs, connectionsCheckingInterval: 50 },
    (request, response) => {
      urls.push(request.url ?? '');
      if (request.url === '/livez') return void response.end('{"status":"ok"}');
      const query = parse(request.url?.split('?')[1] ?? '') as Record<string, string>;
      const exchange = new Exchange(request, response, services, 0, { params: {}, query });
      (async () => postImport.handle(exchange))().catch((error: unknown) => exchange.fail(error));
    },
  );
  server.on('clientError', answerClientError);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sink, admission, urls };
}
