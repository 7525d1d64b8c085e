import type pg from 'pg';

/** Longest wait for a connection to close, in milliseconds. */
const GOODBYE_MS = 1_000;

/** Closes a connection. The driver waits for ever for the end of one that the server ended at the same moment. */
export async function sayGoodbye(client: pg.Client): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    late = setTimeout(resolve, GOODBYE_MS);
  });
  await Promise.race([client.end().catch(() => {}), patience]);
  clearTimeout(late);
}
