import assert from 'node:assert/strict';
import { confText } from '../../../src/core/tuning/conf-text.ts';
import type { Machine } from '../../../src/core/tuning/machine.ts';
import type { TunedFileName } from '../../../src/core/tuning/setting.ts';
import { tune } from '../../../src/core/tuning/tune.ts';

/** The settings of one file, read back from its text as PostgreSQL and PgBouncer read it. */
function readConf(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const line of text.trimEnd().split('\n')) {
    if (line === '' || /^[#;] /.test(line) || /^\[[a-z]+\]$/.test(line)) continue;
    const found = /^([a-z][a-z_.]*) = (\S.*)$/.exec(line);
    assert.ok(found, `not a setting: ${line}`);
    const [, name = '', value = ''] = found;
    assert.ok(!settings.has(name), `${name} stands twice`);
    settings.set(name, value);
  }
  return settings;
}

/** What the rules print for a machine, as text and read back. */
export function tunedFile(
  machine: Machine,
  name: TunedFileName,
): { readonly text: string; readonly settings: ReadonlyMap<string, string> } {
  const file = tune(machine, 'test').files.find((one) => one.name === name);
  assert.ok(file);
  const text = confText(file);
  return { text, settings: readConf(text) };
}

/** A number with an optional unit of PostgreSQL: sizes in kilobytes, times in milliseconds. */
export function quantity(text: string | undefined): number {
  const found = /^(\d+(?:\.\d+)?)(kB|MB|GB|TB|ms|s|min|h)?$/.exec(text ?? '');
  assert.ok(found, `not a quantity: ${text}`);
  const units = { kB: 1, MB: 1_024, GB: 1_048_576, TB: 1_073_741_824, ms: 1, s: 1e3, min: 6e4, h: 36e5 };
  return Number(found[1]) * (found[2] === undefined ? 1 : units[found[2] as keyof typeof units]);
}
