import type { Socket } from 'node:net';

const allowed = new WeakSet<Socket>();

/**
 * Lets the request that a connection carries take as long as it needs: a large file over a slow line is no attack. The route must watch
 * for itself that bytes still come, and close the connection after its reply.
 */
export function allowSlowBody(socket: Socket): void {
  allowed.add(socket);
}

/** True where the time limit of whole requests does not count for a connection. */
export function isSlowBodyAllowed(socket: Socket): boolean {
  return allowed.has(socket);
}
