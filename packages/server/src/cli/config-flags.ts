import { type Command, Option } from 'commander';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { configKeys, configSchema, flagName, keySpec } from '../config/schema.ts';

/** Adds `--config` and one flag for every configuration key. */
export function addConfigFlags(command: Command): Command {
  command.option('--config <file>', 'read settings from a JSON file (PISYNC_CONFIG)');
  for (const key of configKeys) {
    const spec = keySpec(key);
    const heading = `${spec.group}:`;
    const help = `${spec.help} Default: ${String(spec.default) || 'none'}.`;
    if (spec.type === 'boolean') {
      command.addOption(new Option(flagName(key), help).helpGroup(heading));
      command.addOption(new Option(flagName(key).replace('--', '--no-'), 'the opposite').hideHelp());
      continue;
    }
    const placeholder = {
      string: 'text',
      integer: 'number',
      enum: 'choice',
      url: 'url',
      urls: 'urls',
      names: 'names',
    }[spec.type];
    command.addOption(new Option(`${flagName(key)} <${placeholder}>`, help).helpGroup(heading));
  }
  return command;
}

/** Loads the configuration with the flags that were given to `command`. */
export function loadFromCommand(
  command: Command,
  environment: Readonly<Record<string, string | undefined>>,
): LoadedConfig {
  const flags: Record<string, string | boolean> = {};
  for (const key of Object.keys(configSchema)) {
    const name = key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    // A default of commander's own, such as the one that --no-… implies, is no choice of the operator.
    if (command.getOptionValueSource(name) === 'cli')
      flags[key] = command.getOptionValue(name) as string | boolean;
  }
  return loadConfig({ flags, environment, file: command.getOptionValue('config') as string | undefined });
}
