import { finished } from 'node:stream/promises';
import { from } from 'pg-copy-streams';
import { stopAnswerTimer } from '../../connection/answer-timer.ts';
import type { Session } from '../../connection/session.ts';

/** Bytes of one message: the server begins to work while more is on its way. */
const MESSAGE_BYTES = 1 << 18;

/** Runs `COPY … FROM STDIN (FORMAT binary)` with these bytes. */
export function copyIn(session: Session, table: string, bytes: Buffer): Promise<void> {
  return session.inTurn(async () => {
    const stream = session.client.query(from(`COPY ${table} FROM STDIN (FORMAT binary)`));
    for (let at = 0; at < bytes.length; at += MESSAGE_BYTES)
      stream.write(bytes.subarray(at, at + MESSAGE_BYTES));
    stream.end();
    await finished(stream).finally(() => stopAnswerTimer(stream));
  });
}
