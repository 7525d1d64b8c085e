import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { runClosedLoop } from './closed-loop.ts';
import { firstEventTime } from './event-template.ts';
import { SingleSource } from './single-source.ts';

/** A closed loop of unique single events. */
export interface SingleLoad {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly devices: number;
  readonly epoch: string;
  /** Number of the first event: `next` of the run before on the same server, so that no counter has a gap. */
  readonly start: number;
}

/** Rates are per second; latencies in milliseconds. */
export interface SingleLoadResult {
  readonly rate: number;
  readonly errors: number;
  readonly firstError: string | null;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly next: number;
}

let wrkFound: boolean | undefined;

/** Which generator sends single events here: wrk where it is installed, else the one of this folder. */
export function singleGenerator(): 'wrk' | 'own' {
  if (wrkFound === undefined) {
    try {
      // wrk prints its version with exit code 1.
      execFileSync('sh', ['-c', 'command -v wrk'], { stdio: 'ignore' });
      wrkFound = true;
    } catch {
      wrkFound = false;
    }
  }
  return wrkFound ? 'wrk' : 'own';
}

/** Sends single events for a while, as fast as the replies come. */
export function runSingleLoad(load: SingleLoad): Promise<SingleLoadResult> {
  return singleGenerator() === 'wrk' ? withWrk(load) : withOwnGenerator(load);
}

async function withWrk(load: SingleLoad): Promise<SingleLoadResult> {
  const script = new URL('./single-event.lua', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(
    'wrk',
    ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--timeout', '10s', '-s', script, load.url],
    {
      env: {
        ...process.env,
        BENCH_DEVICES: String(load.devices),
        BENCH_EPOCH: load.epoch,
        BENCH_FIRST: String(firstEventTime(Date.now()) / 1000),
        BENCH_START: String(load.start),
      },
    },
  );
  const line = stdout.split('\n').find((it) => it.startsWith('RESULT '));
  if (line === undefined) throw new Error(`wrk gave no result:\n${stdout}`);
  const result = JSON.parse(line.slice(7)) as Record<string, number>;
  const { requests = 0, micros = 1, refused = 0, broken = 0, p50 = 0, p95 = 0, p99 = 0, next = 0 } = result;
  const errors = refused + broken;
  return {
    rate: ((requests - refused) * 1e6) / micros,
    errors,
    firstError: errors > 0 ? `${refused} replies over 399, ${broken} connections broken or timed out` : null,
    p50: p50 / 1000,
    p95: p95 / 1000,
    p99: p99 / 1000,
    next,
  };
}

async function withOwnGenerator(load: SingleLoad): Promise<SingleLoadResult> {
  const source = new SingleSource(load);
  const result = await runClosedLoop({
    url: load.url,
    connections: load.connections,
    durationMs: load.seconds * 1000,
    next: (connection) => source.next(connection),
    accept: (status) => status === 201,
  });
  return {
    rate: (result.requests - result.errors) / result.seconds,
    errors: result.errors,
    firstError: result.firstError,
    p50: result.latency.quantile(0.5),
    p95: result.latency.quantile(0.95),
    p99: result.latency.quantile(0.99),
    next: source.number,
  };
}
