import type { Socket } from 'node:net';
import { PROBLEM_TYPE, problemText } from './problem.ts';
import { isSlowBodyAllowed } from './slow-body.ts';

/**
 * Answers on a socket whose request never became one: too slow, or not HTTP. There is no reply object yet, so the
 * response is written by hand.
 */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  // Node tells once that a request takes long, and leaves what to do about it to whoever listens.
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isSlowBodyAllowed(socket)) return;
  if (error.code === 'ECONNRESET' || !socket.writable || socket.destroyed) {
    socket.destroy();
    return;
  }
  const { status, text } = problemOf(error.code ?? '');
  const head = [
    `HTTP/1.1 ${status}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}

function problemOf(code: string): { status: string; text: string } {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const detail = 'The request did not arrive in time. Send it faster, or in smaller parts.';
    return { status: '408 Request Timeout', text: problemText('request_timeout', { detail }) };
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    const detail = 'The headers are larger than 16 KiB.';
    return {
      status: '431 Request Header Fields Too Large',
      text: problemText('bad_request', { detail, status: 431 }),
    };
  }
  return {
    status: '400 Bad Request',
    text: problemText('bad_request', { detail: 'This is not valid HTTP/1.1.' }),
  };
}
