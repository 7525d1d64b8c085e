import { join } from 'node:path';
import type { ServerCommand } from './server-process.ts';

/** The root of the checkout. */
export const root = new URL('../../', import.meta.url).pathname.replace(/\/$/, '');

/** What users start. */
export const pisyncProgram = join(root, 'packages/server/bin/pisync.js');

/** Starts PiSync as its users do, with its store in `folder` and everything else at its default. */
export function pisyncCommand(folder: string, flags: readonly string[] = []): ServerCommand {
  return pisyncOn(`sqlite:${join(folder, 'pisync.db')}`, flags);
}

/** The same on any store. */
export function pisyncOn(store: string, flags: readonly string[] = []): ServerCommand {
  return {
    name: 'pisync',
    args: (port) => [pisyncProgram, 'serve', '--port', String(port), '--store', store, ...flags],
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

/** Express with one durable insert per request, over a pool of connections. */
export function expressPostgresCommand(url: string): ServerCommand {
  return {
    name: 'express + pg',
    args: (port) => [join(root, 'bench/rivals/express-postgres.ts'), String(port), url],
    readyPath: '/',
  };
}
