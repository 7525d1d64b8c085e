/**
 * A disk that fills up and is freed again under load, with a ledger that the client keeps.
 * Usage: node --conditions=source bench/crash/disk-full.ts [--cycles 5] [--megabytes 256]
 * Mounts a small tmpfs of its own, which takes root; elsewhere it says that it did not run, and exits 0.
 * Exit code 1 when an acknowledged event is missing, anything is there twice, or the server does not come back.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pisyncCommand } from '../harness/pisync-command.ts';
import { freePort, type ServerProcess, startServer } from '../harness/server-process.ts';
import { CrashClient } from './crash-client.ts';
import { EventParcels } from './event-parcels.ts';
import { Ledger } from './ledger.ts';
import { compareWithLedger } from './read-back.ts';
import { printReport, stateLines, tallyLines } from './report.ts';

const { values } = parseArgs({
  options: { cycles: { type: 'string', default: '5' }, megabytes: { type: 'string', default: '256' } },
});

/** Mounts a small file system; null, with the reason said, where that is not possible. */
function mountSmall(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'pisync-disk-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${values.megabytes}m`, 'tmpfs', folder], {
      stdio: 'pipe',
    });
    return folder;
  } catch (error) {
    rmdirSync(folder);
    const reason = error instanceof Error ? error.message.split('\n').at(-1) : String(error);
    process.stdout.write(`not run here: a file system cannot be mounted (${reason})\n`);
    return null;
  }
}

/** Takes all space that is left. */
function fill(ballast: string): void {
  const file = openSync(ballast, 'w');
  try {
    for (const size of [1 << 20, 1 << 12, 1]) {
      const block = Buffer.alloc(size, 120);
      while (wroteAll(file, block)) {
        // Until the disk says no.
      }
    }
  } finally {
    closeSync(file);
  }
}

function wroteAll(file: number, block: Buffer): boolean {
  try {
    return writeSync(file, block) === block.length;
  } catch {
    return false;
  }
}

/** Waits until new events are acknowledged; false after `seconds` without one. */
async function acknowledges(ledger: Ledger, seconds: number): Promise<boolean> {
  const before = ledger.acknowledgedCount;
  const limit = performance.now() + seconds * 1000;
  while (performance.now() < limit) {
    if (ledger.acknowledgedCount > before + 100) return true;
    await sleep(50);
  }
  return false;
}

async function run(folder: string): Promise<boolean> {
  const ballast = join(folder, 'ballast');
  const command = { ...pisyncCommand(folder), port: await freePort() };
  let server: ServerProcess = await startServer(command);
  const ledger = new Ledger(400);
  const client = new CrashClient(server.url, [new EventParcels(ledger, 600_000)], 8);
  try {
    for (let cycle = 1; cycle <= Number(values.cycles); cycle++) {
      if (!(await acknowledges(ledger, 20)))
        ledger.violation(`cycle ${cycle}: nothing acknowledged with space left`);
      fill(ballast);
      await sleep(1500);
      const full = ledger.acknowledgedCount;
      await sleep(500);
      const late = ledger.acknowledgedCount - full;
      if (!server.alive()) ledger.violation(`cycle ${cycle}: the server ended when the disk was full`);
      // The last cycle dies with a full disk: what was acknowledged must be there after that as well.
      if (cycle === Number(values.cycles)) await server.kill();
      rmSync(ballast);
      if (!server.alive()) server = await startServer(command);
      const seconds = Math.round(performance.now() / 1000);
      process.stderr.write(
        `  ${seconds} s: cycle ${cycle}, ${ledger.acknowledgedCount} acknowledged, ${client.counts.putOff} put off` +
          `${late > 0 ? `, ${late} still acknowledged in space that the store had reserved` : ''}\n`,
      );
    }
    if (!(await acknowledges(ledger, 20))) ledger.violation('nothing acknowledged after the disk was freed');
    await client.finish();
    const found = await compareWithLedger(server.url, ledger);
    return printReport(
      `disk filled and freed ${values.cycles} times under load`,
      client.counts,
      [...tallyLines(ledger, found), ...stateLines(found)],
      [...ledger.violations, ...found.examples],
    );
  } finally {
    await server.stop();
  }
}

const folder = mountSmall();
if (folder !== null) {
  let right = false;
  try {
    right = await run(folder);
  } finally {
    execFileSync('umount', [folder]);
    rmdirSync(folder);
  }
  process.exit(right ? 0 : 1);
}
