import { PisyncError } from '@pisync/protocol';
import type { Finding } from '../../ports/store.ts';
import { type ApiClient, problemOf, type Reply } from '../client.ts';
import { duration } from '../readable.ts';

/** Answers slower than this make devices wait. */
const slowMs = 1_000;
/** The `Date` header counts whole seconds. */
const clockNoticeMs = 3_000;
/** From here on the server's idea of device clocks is wrong, too. */
const clockErrorMs = 120_000;

/**
 * Probes a running server from outside. Sends nothing that is stored.
 *
 * @throws {PisyncError} `server_unreachable`
 */
export async function checkServer(client: ApiClient): Promise<readonly Finding[]> {
  const started = performance.now();
  const live = await client.send('GET', '/livez');
  const tookMs = performance.now() - started;
  if (live.status !== 200 || typeof live.body !== 'object') {
    const detail = `What answers at ${client.url} is not PiSync (status ${live.status} for /livez).`;
    throw new PisyncError('server_unreachable', { detail });
  }
  const reachable: Finding = {
    severity: tookMs > slowMs ? 'warning' : 'ok',
    check: 'reachable',
    detail: `${client.url} answers in ${duration(tookMs)}`,
  };
  return [
    reachable,
    clockFinding(live, tookMs),
    ...readyFindings(await client.send('GET', '/readyz')),
    await readFinding(client),
  ];
}

function clockFinding(reply: Reply, tookMs: number): Finding {
  const serverTime = Date.parse(reply.headers.date ?? '');
  if (Number.isNaN(serverTime))
    return { severity: 'warning', check: 'clock', detail: 'the server does not tell its time' };
  // The header was stamped about half-way, and its second is half over on average.
  const difference = serverTime + 500 + tookMs / 2 - Date.now();
  const distance = Math.abs(difference);
  if (distance < clockNoticeMs)
    return { severity: 'ok', check: 'clock', detail: 'the clocks of server and this machine agree' };
  const direction = difference > 0 ? 'ahead of' : 'behind';
  const detail = `the server's clock is ${duration(distance)} ${direction} this machine's: check time synchronisation on both`;
  return { severity: distance < clockErrorMs ? 'warning' : 'error', check: 'clock', detail };
}

function readyFindings(reply: Reply): readonly Finding[] {
  const body = (typeof reply.body === 'object' && reply.body !== null ? reply.body : {}) as Record<
    string,
    unknown
  >;
  const ready = reply.status === 200;
  const detail = ready ? 'takes events' : `takes no events: ${problemOf(reply).message}`;
  const notes = Array.isArray(body['notes']) ? body['notes'] : [];
  return [
    { severity: ready ? 'ok' : 'error', check: 'ready', detail },
    ...notes.map((note): Finding => ({ severity: 'warning', check: 'store', detail: String(note) })),
  ];
}

async function readFinding(client: ApiClient): Promise<Finding> {
  const started = performance.now();
  try {
    await client.ask('GET', '/api/devices?limit=1');
  } catch (error) {
    if (!(error instanceof PisyncError)) throw error;
    return { severity: 'error', check: 'query', detail: error.message };
  }
  const tookMs = performance.now() - started;
  return {
    severity: tookMs > slowMs ? 'warning' : 'ok',
    check: 'query',
    detail: `lists devices in ${duration(tookMs)}`,
  };
}
