/**
 * The benchmark. `npm run bench` runs everything, prints the table and writes `bench/baseline.json`;
 * `node --conditions=source bench/run.ts --only single` runs one scenario. `--help` lists the rest.
 */
import { BenchContext } from './harness/bench-context.ts';
import { describeMachine } from './harness/machine.ts';
import { parseOptions, usage } from './harness/options.ts';
import { root } from './harness/pisync-command.ts';
import { table, writeBaseline } from './harness/report.ts';
import { judge, type Row, type Scenario } from './harness/scenario.ts';
import { singleGenerator } from './load/single-load.ts';
import { batches } from './scenarios/batches.ts';
import { disk } from './scenarios/disk.ts';
import { growth } from './scenarios/growth.ts';
import { herd } from './scenarios/herd.ts';
import { importFile } from './scenarios/import.ts';
import { lineProtocol } from './scenarios/line-protocol.ts';
import { manyDevices } from './scenarios/many-devices.ts';
import { memory, telemetryMemory } from './scenarios/memory.ts';
import { openLoop } from './scenarios/open-loop.ts';
import { postgresCommits } from './scenarios/postgres/commits.ts';
import { postgresMigrate } from './scenarios/postgres/migrate.ts';
import { postgresQueries } from './scenarios/postgres/queries.ts';
import { postgresSingle } from './scenarios/postgres/single.ts';
import { postgresTelemetry } from './scenarios/postgres/telemetry.ts';
import { queries } from './scenarios/queries.ts';
import { single } from './scenarios/single.ts';
import { start } from './scenarios/start.ts';
import { telemetryJson } from './scenarios/telemetry-json.ts';
import { telemetryQueries } from './scenarios/telemetry-queries.ts';
import { telemetrySize } from './scenarios/telemetry-size.ts';

// The memory of either load is behind it: it reports the peak over all that ran before.
const scenarios: readonly Scenario[] = [
  single,
  openLoop,
  batches,
  growth,
  queries,
  disk,
  start,
  herd,
  memory,
  lineProtocol,
  telemetryJson,
  manyDevices,
  telemetrySize,
  telemetryQueries,
  importFile,
  telemetryMemory,
  postgresCommits,
  postgresSingle,
  postgresTelemetry,
  postgresMigrate,
  postgresQueries,
];

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), root);
  if (options.help) {
    const list = scenarios.map((it) => `  ${it.name.padEnd(18)}  ${it.about}`).join('\n');
    process.stdout.write(`${usage}\nScenarios:\n${list}\n`);
    return 0;
  }
  const unknown = options.only.find((name) => !scenarios.some((it) => isCalled(it, name)));
  if (unknown !== undefined)
    throw new Error(`no scenario ${unknown}; there are ${scenarios.map((it) => it.name)}`);
  const context = new BenchContext(options);
  const began = performance.now();
  const { rows, failed } = await runAll(
    context,
    (it) => options.only.length === 0 || options.only.some((name) => isCalled(it, name)),
  );
  const seconds = Math.round((performance.now() - began) / 1000);
  await context.cleanUp();
  const machine = describeMachine();
  process.stdout.write(
    `${table(rows)}\n\n${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB, ${machine.system}, kernel ${machine.kernel}, ` +
      `Node ${machine.node}, ${machine.date}; ${seconds} s\n`,
  );
  if (options.quick)
    process.stdout.write('Small numbers: this run says that everything works, not how fast.\n');
  for (const failure of failed) process.stdout.write(`FAILED ${failure}\n`);
  if (options.out !== null && failed.length === 0) {
    const { details } = context;
    writeBaseline(options.out, { machine, generator: singleGenerator(), seconds, rows, details });
  }
  const missed = options.assert && rows.some((row) => judge(row) === 'missed');
  return failed.length > 0 || missed ? 1 : 0;
}

/** `--only` takes the name of a scenario, or of a group of them. */
function isCalled(scenario: Scenario, name: string): boolean {
  return scenario.name === name || scenario.group === name;
}

/** Runs the chosen scenarios one after the other; one that fails does not keep the others from running. */
async function runAll(
  context: BenchContext,
  chosen: (scenario: Scenario) => boolean,
): Promise<{ rows: Row[]; failed: string[] }> {
  const rows: Row[] = [];
  const failed: string[] = [];
  for (const scenario of scenarios) {
    if (!chosen(scenario)) continue;
    context.say(`${scenario.name}: ${scenario.about}`);
    try {
      rows.push(...(await scenario.run(context)));
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      context.say(text);
      failed.push(`${scenario.name}: ${text.split('\n').slice(0, 2).join(' ')}`);
    }
  }
  return { rows, failed };
}

process.exitCode = await main();
