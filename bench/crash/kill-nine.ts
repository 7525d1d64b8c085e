/**
 * kill -9 under load, again and again, with a ledger that the client keeps.
 * Usage: node --conditions=source bench/crash/kill-nine.ts [--kills 50] [--devices 400] [--events 1000000] [--points 2000000]
 *   [--detections 300000] [--work DIR]
 * Exit code 1 when anything acknowledged is missing, anything is there twice, a number is wrong, or the full check of the store
 * finds a fault. The server seals small runs (small-runs.ts), so that kills fall into seals and merges.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pisyncCommand } from '../harness/pisync-command.ts';
import { freePort, type ServerCommand, spawnServer } from '../harness/server-process.ts';
import { compareAll, doctor, newLedgers, parcelSources } from './all-kinds.ts';
import { CrashClient } from './crash-client.ts';
import { printReport, type ReportLine } from './report.ts';
import { noteUnfinished, type UnfinishedCounts } from './unfinished-runs.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    devices: { type: 'string', default: '400' },
    events: { type: 'string', default: '1000000' },
    points: { type: 'string', default: '2000000' },
    detections: { type: 'string', default: '300000' },
    work: { type: 'string', default: tmpdir() },
  },
});

function smallRuns(folder: string, port: number): ServerCommand {
  const command = pisyncCommand(folder);
  const hooks = `--import=${import.meta.resolve('./small-runs.ts')}`;
  return { ...command, port, args: (given) => [hooks, ...command.args(given)] };
}

async function killAgainAndAgain(command: ServerCommand, store: string): Promise<UnfinishedCounts> {
  const unfinished = { events: 0, points: 0, detections: 0, merges: 0 };
  for (let kill = 1; kill <= Number(values.kills); kill++) {
    const server = await spawnServer(command);
    // One in eight dies while it starts: recovery must bear being interrupted, too.
    if (Math.random() < 0.125) {
      await sleep(50 + Math.random() * 300);
    } else {
      await server.ready();
      await sleep(100 + Math.random() * 1400);
    }
    await server.kill();
    noteUnfinished(store, unfinished);
    if (kill % 10 === 0) process.stderr.write(`  ${kill} kills\n`);
  }
  return unfinished;
}

async function main(): Promise<boolean> {
  const folder = mkdtempSync(join(values.work, 'pisync-kill-nine-'));
  const store = join(folder, 'pisync.db');
  const command = smallRuns(folder, await freePort());
  const ledgers = newLedgers(Number(values.devices));
  const sources = parcelSources(ledgers, {
    events: Number(values.events),
    points: Number(values.points),
    detections: Number(values.detections),
  });
  const client = new CrashClient(`http://127.0.0.1:${command.port}`, sources, 8);
  const began = performance.now();
  const unfinished = await killAgainAndAgain(command, store);
  const last = await spawnServer(command);
  let compared: Awaited<ReturnType<typeof compareAll>>;
  try {
    await last.ready();
    // A second of ordinary work: the store must also go on from where the last kill left it.
    await sleep(1000);
    await client.finish();
    compared = await compareAll(last.url, ledgers);
  } finally {
    await last.stop();
  }
  const checked = doctor(`sqlite:${store}`);
  const seconds = Math.round((performance.now() - began) / 1000);
  const lines: ReportLine[] = [
    ['kills amid a run of events', unfinished.events, true],
    ['kills amid a run of points', unfinished.points, true],
    ['kills amid a run of detections', unfinished.detections, true],
    ['of these, kills amid a merge', unfinished.merges, true],
    ...compared.lines,
    ['faults that pisync doctor ends with', Number(!checked.right), checked.right],
  ];
  const title = `kill -9 at ${values.kills} random moments, ${values.devices} devices of each kind, ${seconds} s`;
  const right = printReport(title, client.counts, lines, compared.examples);
  process.stdout.write(`${checked.told}\n`);
  if (right) rmSync(folder, { recursive: true, force: true });
  else process.stdout.write(`  the store is kept in ${folder}\n`);
  return right;
}

process.exit((await main()) ? 0 : 1);
