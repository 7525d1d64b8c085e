/**
 * kill -9 under load, again and again, with a ledger that the client keeps.
 * Usage: node --conditions=source bench/crash/kill-nine.ts [--kills 50] [--devices 400] [--events 1000000] [--points 2000000]
 *   [--detections 300000] [--work DIR]
 * Exit code 1 when anything acknowledged is missing, anything is there twice, a number is wrong, or the full check of the store
 * finds a fault. The server seals small runs (small-runs.ts), so that kills fall into seals and merges.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { JsonClient } from '../harness/json-client.ts';
import { pisyncCommand, root } from '../harness/pisync-command.ts';
import { freePort, type ServerCommand, spawnServer } from '../harness/server-process.ts';
import { CrashClient } from './crash-client.ts';
import { DetectionParcels, EnvelopeParcels } from './detection-parcels.ts';
import { EventParcels } from './event-parcels.ts';
import { countingName, listenerName } from './fleet-detections.ts';
import { telemetryDevice } from './fleet-telemetry.ts';
import { Ledger } from './ledger.ts';
import { compareCounted, compareDetections, compareNetworks, compareTelemetry } from './observations-back.ts';
import { compareWithLedger } from './read-back.ts';
import { printReport, type ReportLine, stateLines, tallyLines } from './report.ts';
import { TelemetryParcels } from './telemetry-parcels.ts';
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

interface Ledgers {
  readonly events: Ledger;
  readonly points: Ledger;
  readonly detections: Ledger;
  /** Telemetry and detections in envelopes. */
  readonly counted: Ledger;
}

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

/** Reads everything back, and compares it with the ledgers. */
async function compareAll(
  url: string,
  ledgers: Ledgers,
): Promise<{ lines: ReportLine[]; examples: string[] }> {
  const { events, points, detections, counted } = ledgers;
  const names = (ledger: Ledger, nameOf: (device: number) => string): string[] =>
    Array.from({ length: ledger.devices }, (_, device) => nameOf(device));
  const others = new Set([
    ...names(points, telemetryDevice),
    ...names(detections, listenerName),
    ...names(counted, countingName),
  ]);
  const found = await compareWithLedger(url, events, others);
  const client = new JsonClient(url, 4);
  const ofPoints = await compareTelemetry(client, points);
  const ofDetections = await compareDetections(client, detections);
  const ofCounted = await compareCounted(client, counted);
  const inNetworks = await compareNetworks(client);
  client.close();
  const expected =
    detections.made +
    Array.from({ length: counted.devices }, (_, device) => Math.ceil(counted.count(device) / 2)).reduce(
      (sum, count) => sum + count,
      0,
    );
  const lines: ReportLine[] = [
    ...tallyLines(events, found),
    ...stateLines(found),
    ...tallyLines(points, ofPoints),
    ...tallyLines(detections, ofDetections),
    ...tallyLines(counted, ofCounted),
    ['detections of all networks together', inNetworks, inNetworks === expected],
  ];
  const examples = [found, ofPoints, ofDetections, ofCounted].flatMap((tally) => tally.examples);
  return { lines, examples: [...Object.values(ledgers).flatMap((ledger) => ledger.violations), ...examples] };
}

/** The full check of the store, as an operator runs it. */
function doctor(store: string): { readonly right: boolean; readonly told: string } {
  const command = join(root, 'packages/server/bin/pisync.js');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [command, 'doctor', '--store', `sqlite:${store}`],
    {
      encoding: 'utf8',
    },
  );
  return { right: status === 0, told: stdout + stderr };
}

async function main(): Promise<boolean> {
  const folder = mkdtempSync(join(values.work, 'pisync-kill-nine-'));
  const store = join(folder, 'pisync.db');
  const command = smallRuns(folder, await freePort());
  const devices = Number(values.devices);
  const ledgers: Ledgers = {
    events: new Ledger(devices),
    points: new Ledger(devices, 'point'),
    detections: new Ledger(devices, 'detection'),
    counted: new Ledger(Math.ceil(devices / 10), 'counted observation'),
  };
  const sources = [
    new EventParcels(ledgers.events, Number(values.events)),
    new TelemetryParcels(ledgers.points, Number(values.points)),
    new DetectionParcels(ledgers.detections, Number(values.detections)),
    new EnvelopeParcels(ledgers.counted, Number(values.detections)),
  ];
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
  const checked = doctor(store);
  const seconds = Math.round((performance.now() - began) / 1000);
  const lines: ReportLine[] = [
    ['kills amid a run of events', unfinished.events, true],
    ['kills amid a run of points', unfinished.points, true],
    ['kills amid a run of detections', unfinished.detections, true],
    ['of these, kills amid a merge', unfinished.merges, true],
    ...compared.lines,
    ['faults that pisync doctor ends with', Number(!checked.right), checked.right],
  ];
  const title = `kill -9 at ${values.kills} random moments, ${devices} devices of each kind, ${seconds} s`;
  const right = printReport(title, client.counts, lines, compared.examples);
  process.stdout.write(`${checked.told}\n`);
  if (right) rmSync(folder, { recursive: true, force: true });
  else process.stdout.write(`  the store is kept in ${folder}\n`);
  return right;
}

process.exit((await main()) ? 0 : 1);
