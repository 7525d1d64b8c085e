import { isDeviceId } from '@pisync/protocol';
import type { QueryRule } from '../../parameters.ts';

/** Devices that one question may name. */
const MAX_DEVICES = 1000;

/** One device id or several. */
export const deviceIds: QueryRule<readonly string[] | undefined> = {
  description: `Only series of these devices, separated by commas; at most ${MAX_DEVICES}.`,
  schema: { type: 'string' },
  fallback: undefined,
  read(given) {
    const ids = given.split(',').map((id) => id.trim());
    return ids.length <= MAX_DEVICES && ids.every(isDeviceId)
      ? { value: ids }
      : { allowed: `1 to ${MAX_DEVICES} device ids, separated by commas` };
  },
};

/** Tags by name, such as `site=a,room=2`; a backslash before a comma, a space or an equals sign is part of neither. */
export const tagList: QueryRule<Readonly<Record<string, string>> | undefined> = {
  description: 'Tags that the series has, as name=value,name=value.',
  schema: { type: 'string' },
  fallback: undefined,
  read(given) {
    const found: [string, string][] = [];
    for (const part of given.split(/(?<!\\),/)) {
      const [, name, value] = /^((?:\\.|[^\\=])+)=(.+)$/s.exec(part) ?? [];
      if (name === undefined || value === undefined) return { allowed: 'tags as name=value,name=value' };
      found.push([unescaped(name), unescaped(value)]);
    }
    return { value: Object.fromEntries(found) };
  },
};

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, '$1');
}
