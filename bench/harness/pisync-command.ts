import { join } from 'node:path';
import type { ServerCommand } from './server-process.ts';

/** The root of the checkout. */
export const root = new URL('../../', import.meta.url).pathname.replace(/\/$/, '');

/** Starts PiSync as its users do, with its store in `folder` and everything else at its default. */
export function pisyncCommand(folder: string, flags: readonly string[] = []): ServerCommand {
  const store = `sqlite:${join(folder, 'pisync.db')}`;
  return {
    name: 'pisync',
    args: (port) => [
      join(root, 'packages/server/bin/pisync.js'),
      'serve',
      '--port',
      String(port),
      '--store',
      store,
      ...flags,
    ],
    readyPath: '/readyz',
  };
}

/** The server that parses and stores nothing. */
export function bareCommand(): ServerCommand {
  return {
    name: 'bare node:http',
    args: (port) => [join(root, 'bench/rivals/bare-http.ts'), String(port)],
    readyPath: '/',
  };
}

/** Express with one durable insert per request. */
export function expressCommand(folder: string): ServerCommand {
  return {
    name: 'express + sqlite',
    args: (port) => [join(root, 'bench/rivals/express-sqlite.ts'), String(port), join(folder, 'express.db')],
    readyPath: '/',
  };
}
