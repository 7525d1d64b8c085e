import type { Socket } from 'node:net';

/** How long a client that still sends may read its reply, in milliseconds. */
const LINGER_MS = 500;

/**
 * Makes the end of a connection gentle: closing a socket with unread bytes resets it, and the client may lose the
 * reply. Instead our side is ended, what still comes is thrown away, and the socket goes after half a second. Node
 * calls `destroySoon` when the last reply of a connection was written.
 */
export function lingerOnClose(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}
