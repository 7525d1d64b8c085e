/**
 * Writes docs/guide/configuration.md from the configuration schema, or with `--check` fails if the page is not in
 * step with it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  allowedValues,
  type ConfigKey,
  configKeys,
  environmentName,
  flagName,
  keySpec,
} from '../packages/server/src/config/schema.ts';

const page = fileURLToPath(new URL('../docs/guide/configuration.md', import.meta.url));

const introduction = `<!-- Written by scripts/config-reference.ts from packages/server/src/config/schema.ts. Do not edit by hand. -->
# Configuration

PiSync runs without any configuration. Each setting has one name and four places, of which a later one wins:

1. its default,
2. a JSON file that \`--config FILE\` or \`PISYNC_CONFIG\` names: \`{ "max_items": 5000 }\`,
3. the environment: \`PISYNC_MAX_ITEMS=5000\` (an empty value counts as not set),
4. a flag of \`pisync serve\`: \`--max-items 5000\`.

A name that no setting has is an error, in each place, with the nearest name in the message; so is a value outside
what its setting accepts. Relative paths start at the folder in which PiSync is started.

\`pisync config\` prints the settings that hold and where each comes from, \`pisync config explain KEY\` explains one.
A boolean is switched off by its flag with \`--no-\`, such as \`--no-allow-unauthenticated\`.
Client commands find their server by \`--url\` or \`PISYNC_URL\`.
`;

/** The page as the schema has it. */
function configurationPage(): string {
  const groups = [...new Set(configKeys.map((key) => keySpec(key).group))];
  const sections = groups.map((group) => {
    const rows = configKeys.filter((key) => keySpec(key).group === group).map(row);
    const head = '| setting | default | accepts | flag, environment |\n|---|---|---|---|';
    return `## ${group}\n\n${head}\n${rows.join('\n')}\n`;
  });
  return `${introduction}\n${sections.join('\n')}`;
}

function row(key: ConfigKey): string {
  const spec = keySpec(key);
  const cells = [
    `\`${key}\`<br>${spec.help}`,
    String(spec.default) === '' ? 'none' : `\`${String(spec.default)}\``,
    allowedValues(key),
    `\`${flagName(key)}\`<br>\`${environmentName(key)}\``,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function readPage(): string {
  try {
    return readFileSync(page, 'utf8');
  } catch {
    return '';
  }
}

const wanted = configurationPage();
if (!process.argv.includes('--check')) {
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, wanted);
  process.stdout.write('docs/guide/configuration.md is written.\n');
} else if (readPage() === wanted) {
  process.stdout.write('docs/guide/configuration.md is in step with the schema.\n');
} else {
  process.stderr.write('docs/guide/configuration.md is not in step: run node scripts/config-reference.ts\n');
  process.exitCode = 1;
}
