import { isDeviceId } from '@pisync/protocol';
import type { GroupBy } from '../../../services/telemetry/bucket-groups.ts';
import { moment, type QueryRule, requiredText, text } from '../../parameters.ts';

/** Devices, and metrics, that one question may name. */
export const MAX_DEVICES = 1000;
export const MAX_METRICS = 100;

/** One device id or several. */
const deviceIds: QueryRule<readonly string[] | undefined> = {
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
const tagList: QueryRule<Readonly<Record<string, string>> | undefined> = {
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

/** Names of metrics; a backslash before a comma makes it part of the name. */
export const metricList: QueryRule<readonly string[] | undefined> = {
  description: `Only these metrics, separated by commas; at most ${MAX_METRICS}.`,
  schema: { type: 'string' },
  fallback: undefined,
  read(given) {
    const names = given.split(/(?<!\\),/).map(unescaped);
    return names.length <= MAX_METRICS && names.every((name) => name.length >= 1 && name.length <= 200)
      ? { value: names }
      : { allowed: `1 to ${MAX_METRICS} names of metrics, separated by commas` };
  },
};

/** What an answer over several series shows by itself. */
export const groupBy: QueryRule<GroupBy | undefined> = {
  description:
    'What is shown by itself: device, or tag:NAME for each value of a tag. All series are one where it is absent.',
  schema: { type: 'string' },
  fallback: undefined,
  read(given) {
    if (given === 'device') return { value: { by: 'device' } };
    const [, tag] = /^tag:(.{1,200})$/s.exec(given) ?? [];
    return tag === undefined
      ? { allowed: 'device, or tag: and the name of a tag' }
      : { value: { by: 'tag', tag } };
  },
};

/** Which series a question is about that may be about many. */
export const manySeries = {
  device_id: deviceIds,
  device_prefix: text(128, 'Only series of devices whose id begins with this text.'),
  tags: tagList,
};

/** Which part of time a question is about. */
export const period = {
  from: moment('Only points from this moment on.'),
  to: moment('Only points before this moment.'),
};

export const requiredMetric = requiredText(200, 'The metric.', 'temperature');

/** A stretch of one series. */
export const oneStretch = {
  device_id: requiredText(128, 'The device.', 'pibook-0001'),
  metric: requiredMetric,
  tags: tagList,
  ...period,
};

function unescaped(given: string): string {
  return given.replace(/\\(.)/gs, '$1');
}
