import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { BigStore } from '../big-store.ts';
import { pisyncProgram } from '../pisync-command.ts';
import { short } from '../statistics.ts';
import type { BenchPostgres } from './bench-postgres.ts';

/** The filled store of a run after its move to PostgreSQL. */
export interface MovedStore {
  readonly url: string;
  readonly events: number;
  readonly devices: number;
  /** From the start of the command to its end: copied, compared, and ready to be opened. */
  readonly seconds: number;
  /** What the command says of it. */
  readonly told: string;
}

/** What of the bench context the move needs. */
interface MoveSite {
  say(text: string): void;
  bigStore(): Promise<BigStore>;
  postgres(): Promise<BenchPostgres>;
}

/** Moves the filled SQLite store as an operator does, comparison included. */
export async function moveBigStore(context: MoveSite): Promise<MovedStore> {
  const { folder, events, devices } = await context.bigStore();
  const url = await (await context.postgres()).createDatabase();
  context.say(`  moving ${short(events)} events to PostgreSQL`);
  const began = performance.now();
  const told = await printed([
    'migrate-store',
    '--from',
    `sqlite:${join(folder, 'pisync.db')}`,
    '--to',
    url,
    '--cut-over',
  ]);
  const seconds = (performance.now() - began) / 1000;
  context.say(`  moved: ${short(events / seconds)} events/s`);
  return { url, events, devices, seconds, told };
}

/** @throws {Error} with what it printed, when a command fails */
async function printed(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', pisyncProgram, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
  }
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status !== 0) throw new Error(`pisync ${args[0]} ended with ${status}:\n${text}`);
  return text;
}
