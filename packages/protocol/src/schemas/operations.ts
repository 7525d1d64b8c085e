import { array, literal, object, string } from './json-schema.ts';
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
