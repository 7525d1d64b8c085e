import { PisyncError } from '@pisync/protocol';
import type { Command } from 'commander';
import { checkExposure } from '../../config/exposure.ts';
import { printableConfig } from '../../config/load.ts';
import {
  allowedValues,
  type ConfigKey,
  configKeys,
  environmentName,
  flagName,
  isConfigKey,
  keySpec,
} from '../../config/schema.ts';
import { nearestName } from '../../core/nearest.ts';
import { addConfigFlags, loadFromCommand } from '../config-flags.ts';
import { type CliContext, examples, type Runner } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { printable } from '../printable.ts';
import { pairLines, tableLines } from '../table.ts';

/** Adds `pisync config` and `pisync config explain`. */
export function addConfig(program: Command, runner: Runner): void {
  const config = program
    .command('config')
    .summary('show the settings that hold, and where each comes from')
    .description(
      'Show the settings that hold here, and where each comes from. Takes the flags of pisync serve.',
    );
  addConfigFlags(config)
    .addHelpText(
      'after',
      examples([
        ['pisync config', 'all settings'],
        ['pisync config --json', 'the same for programs'],
        ['PISYNC_PORT=8080 pisync config', 'what serve would do in this environment'],
        ['pisync config explain max_items', 'one setting: meaning, range, spellings'],
      ]),
    )
    .action(runner(show));
  config
    .command('explain')
    .argument('<key>', 'name of the setting, in any of its spellings')
    .summary('explain one setting')
    .description('Explain one setting: meaning, what it accepts, and how to set it.')
    .addHelpText('after', examples([['pisync config explain --json port', 'for programs']]))
    .action(runner(explain));
}

async function show({ terminal, environment }: CliContext, command: Command): Promise<ExitCode> {
  const { config, sources, file } = loadFromCommand(command, environment);
  const values = printableConfig(config);
  if (terminal.json) {
    const settings = configKeys.map((key) => [
      key,
      { value: values[key], source: sources[key].kind, from: sources[key].name },
    ]);
    terminal.result({ file, settings: Object.fromEntries(settings) });
  } else {
    const rows = configKeys.map((key) => {
      const changed = sources[key].kind !== 'default';
      const style = changed ? ('title' as const) : undefined;
      return [
        { text: key, style },
        printable(String(values[key])),
        { text: printable(sources[key].name), style: changed ? undefined : ('quiet' as const) },
      ];
    });
    const lines = tableLines([{ title: 'SETTING' }, { title: 'VALUE' }, { title: 'FROM' }], rows, terminal);
    for (const line of lines) terminal.line(line);
  }
  // Last, so that the values that explain the refusal are on the screen.
  for (const warning of checkExposure(config))
    terminal.note(terminal.paintNote('warning', `Warning: ${warning}`));
  return exitCodes.ok;
}

async function explain({ terminal }: CliContext, command: Command): Promise<ExitCode> {
  const key = keyNamed(command.args[0] ?? '');
  const spec = keySpec(key);
  const facts = {
    key,
    meaning: spec.help,
    type: spec.type,
    accepts: allowedValues(key),
    default: spec.default,
    environment: environmentName(key),
    flag: flagName(key),
  };
  if (terminal.json) {
    terminal.result(facts);
    return exitCodes.ok;
  }
  const inFile = `{ ${JSON.stringify(key)}: ${JSON.stringify(spec.default)} }`;
  const pairs: [string, string][] = [
    ['setting', terminal.paint('title', key)],
    ['meaning', spec.help],
    ['accepts', facts.accepts],
    ['default', String(spec.default)],
    ['flag', facts.flag],
    ['environment', facts.environment],
    ['file', inFile],
  ];
  for (const line of pairLines(pairs, terminal)) terminal.line(line);
  return exitCodes.ok;
}

/** Finds a key by any of its spellings: `max_items`, `PISYNC_MAX_ITEMS`, `--max-items`, `maxItems`. */
function keyNamed(name: string): ConfigKey {
  const plain = name.replace(/^--/, '').replace(/^PISYNC_/i, '');
  const key = plain
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase();
  if (isConfigKey(key)) return key;
  const nearest = nearestName(plain, configKeys);
  const hint = nearest === undefined ? 'pisync config lists all.' : `Did you mean ${nearest}?`;
  throw new PisyncError('unknown_config_key', {
    detail: `No setting ${JSON.stringify(name)}. ${hint}`,
    field: name,
  });
}
