/**
 * kill -9 under load, again and again, with a ledger that the client keeps.
 * Usage: node --conditions=source bench/crash/kill-nine.ts [--kills 50] [--devices 400] [--events 1000000] [--work DIR]
 * Exit code 1 when an acknowledged event is missing, anything is there twice, or a number is wrong.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pisyncCommand } from '../harness/pisync-command.ts';
import { freePort, spawnServer } from '../harness/server-process.ts';
import { CrashClient } from './crash-client.ts';
import { Ledger } from './ledger.ts';
import { compareWithLedger } from './read-back.ts';
import { printReport } from './report.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    devices: { type: 'string', default: '400' },
    events: { type: 'string', default: '1000000' },
    work: { type: 'string', default: tmpdir() },
  },
});

async function main(): Promise<boolean> {
  const kills = Number(values.kills);
  const folder = mkdtempSync(join(values.work, 'pisync-kill-nine-'));
  const command = { ...pisyncCommand(folder), port: await freePort() };
  const ledger = new Ledger(Number(values.devices));
  const client = new CrashClient(`http://127.0.0.1:${command.port}`, ledger, 8, Number(values.events));
  const began = performance.now();
  for (let kill = 1; kill <= kills; kill++) {
    const server = await spawnServer(command);
    // One in eight dies while it starts: recovery must bear being interrupted, too.
    if (Math.random() < 0.125) {
      await sleep(50 + Math.random() * 300);
    } else {
      await server.ready();
      await sleep(100 + Math.random() * 1400);
    }
    await server.kill();
    if (kill % 10 === 0) process.stderr.write(`  ${kill} kills, ${ledger.acknowledgedCount} acknowledged\n`);
  }
  const last = await spawnServer(command);
  try {
    await last.ready();
    // A second of ordinary work: the store must also go on from where the last kill left it.
    await sleep(1000);
    await client.finish();
    const found = await compareWithLedger(last.url, ledger);
    const seconds = Math.round((performance.now() - began) / 1000);
    const title = `kill -9 at ${kills} random moments, ${found.devices} devices, ${seconds} s`;
    const right = printReport(title, ledger, client.counts, found);
    if (right) rmSync(folder, { recursive: true, force: true });
    else process.stdout.write(`  the store is kept in ${folder}\n`);
    return right;
  } finally {
    await last.stop();
  }
}

process.exit((await main()) ? 0 : 1);
