import { anything, array, literal, object, oneOf, string } from './json-schema.ts';
import { closed } from './scalars.ts';

/** The process runs. */
export const liveness = object(
  { status: literal('alive') },
  { ...closed, title: 'Liveness', examples: [{ status: 'alive' }] },
);

/** The server can take work. */
export const readiness = object(
  {
    status: literal('ready'),
    notes: array(string(), {
      description: 'What an operator should know, such as a damaged file that was set aside.',
    }),
  },
  { ...closed, title: 'Readiness', examples: [{ status: 'ready', notes: [] }] },
);

const influxVersion = string({ description: 'The version of InfluxDB whose ways of writing PiSync takes.' });

/** A sign of life, as clients of InfluxDB read it. */
export const influxPing = object(
  { version: influxVersion },
  { ...closed, title: 'InfluxPing', examples: [{ version: '1.8.10' }] },
);

/** Whether the server can take work, as clients of InfluxDB 2 read it. */
export const influxHealth = object(
  {
    name: literal('pisync'),
    status: oneOf(['pass', 'fail'], { description: 'pass: it can take work.' }),
    message: string({ description: 'The same in words.' }),
    checks: array(anything(), { description: 'Always empty.' }),
    version: influxVersion,
  },
  {
    ...closed,
    title: 'InfluxHealth',
    examples: [
      { name: 'pisync', status: 'pass', message: 'ready for writes', checks: [], version: '1.8.10' },
    ],
  },
);
