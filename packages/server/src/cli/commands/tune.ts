import { type Command, Option } from 'commander';
import { confText } from '../../core/tuning/conf-text.ts';
import { diskKinds, machineLimits } from '../../core/tuning/machine.ts';
import type { TunedFile } from '../../core/tuning/setting.ts';
import { sizeText } from '../../core/tuning/size-text.ts';
import { tune } from '../../core/tuning/tune.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { integerOption } from '../options.ts';
import { ramOption } from '../tune/ram-option.ts';

const formats = {
  postgresql: 'postgresql.conf',
  timescaledb: 'timescaledb.conf',
  pgbouncer: 'pgbouncer.ini',
} as const;

interface TuneOptions {
  readonly ram: number;
  readonly cores: number;
  readonly disk: (typeof diskKinds)[number];
  readonly connections?: number;
  readonly format: keyof typeof formats | 'all';
}

/** Adds `pisync tune`. */
export function addTune(program: Command, runner: Runner): void {
  const { cores, connections } = machineLimits;
  program
    .command('tune')
    .summary('print settings of PostgreSQL for a machine')
    .description(
      'Print postgresql.conf, the part of TimescaleDB and pgbouncer.ini for a machine, each value with its reason. Looks at ' +
        'nothing and changes nothing.',
    )
    .requiredOption('--ram <size>', 'memory that PostgreSQL may have, such as 64GB', ramOption)
    .requiredOption('--cores <n>', 'cores of the machine', integerOption(cores.low, cores.high))
    .addOption(
      new Option('--disk <kind>', 'where the data is; a network volume counts as ssd')
        .choices(diskKinds)
        .makeOptionMandatory(),
    )
    .option(
      '--connections <n>',
      'max_connections (as many as the cores can serve)',
      integerOption(connections.low, connections.high),
    )
    .addOption(
      new Option('--format <file>', 'the file to print')
        .choices([...Object.keys(formats), 'all'])
        .default('all'),
    )
    .addHelpText(
      'after',
      examples([
        ['pisync tune --ram 64GB --cores 20 --disk ssd', 'print all three files'],
        [
          'pisync tune --ram 8GB --cores 4 --disk nvme --format postgresql > pisync.conf',
          'write one of them',
        ],
      ]),
    )
    .action(runner(printTuned));
}

async function printTuned({ terminal }: CliContext, command: Command): Promise<ExitCode> {
  const { ram, cores, disk, connections, format } = command.opts<TuneOptions>();
  const words = ['pisync', 'tune', '--ram', sizeText(ram * 1_024), '--cores', cores, '--disk', disk];
  if (connections !== undefined) words.push('--connections', connections);
  const { files, memory } = tune({ ramMb: ram, cores, disk, connections }, words.join(' '));
  const chosen = files.filter(({ name }) => format === 'all' || name === formats[format]);
  if (terminal.json) {
    terminal.result({
      machine: { ram_mb: ram, cores, disk },
      memory_kb: memory.worst,
      files: chosen.map(fileJson),
    });
    return exitCodes.ok;
  }
  for (const [index, file] of chosen.entries()) {
    if (format === 'all') terminal.line(`${index > 0 ? '\n' : ''}# ===== ${file.name} =====`);
    for (const line of confText(file).trimEnd().split('\n')) terminal.line(line);
  }
  return exitCodes.ok;
}

function fileJson({ name, groups }: TunedFile): unknown {
  return { file: name, settings: groups.flatMap(({ settings }) => settings) };
}
