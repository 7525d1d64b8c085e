import Type from 'typebox';
import { closed } from './scalars.ts';

/** The process runs. */
export const liveness = Type.Object(
  { status: Type.Literal('alive') },
  { ...closed, title: 'Liveness', examples: [{ status: 'alive' }] },
);

/** The server can take work. */
export const readiness = Type.Object(
  {
    status: Type.Literal('ready'),
    notes: Type.Array(Type.String(), {
      description: 'What an operator should know, such as a damaged file that was set aside.',
    }),
  },
  { ...closed, title: 'Readiness', examples: [{ status: 'ready', notes: [] }] },
);
