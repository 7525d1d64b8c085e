import type { Session } from '../../connection/session.ts';
import { layoutOf } from '../../schema/layout/find-layout.ts';
import { StaleTables } from '../series-page.ts';

/**
 * A chunk was packed after the state that a question sees was chosen. Packing rewrites a chunk in a way that older states see
 * too (https://github.com/timescale/timescaledb/issues/6842), so that they see more of it than of what else they read.
 */
export class ChangedChunks extends Error {
  constructor() {
    super('a chunk of telemetry was packed after the state that is asked was chosen');
  }
}

/** What chunks there are is told by the state of the transaction; which file each has, by that state and by that of now. */
const CHANGED = `SELECT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'point'::regclass AND pg_relation_filenode(i.inhrelid) IS DISTINCT FROM c.relfilenode) AS changed`;

/**
 * To be called when points have been read in a transaction that sees one state. Partitions need no such look: their tables are
 * held, see point-scan.ts.
 *
 * @throws {ChangedChunks} where what was read may not be of one state: it must be read again, in another transaction
 */
export async function refuseChangedChunks(session: Session): Promise<void> {
  if ((await layoutOf(session)).kind === 'partitions') return;
  const [row] = await session.query<{ changed: boolean }>(CHANGED);
  if (row?.changed === true) throw new ChangedChunks();
}

/** A chunk is packed, or dropped, once a day: more tries than this are not needed. */
const TRIES = 5;

type Read = <T>(question: (session: Session) => Promise<T>) => Promise<T>;

/** Asks again where a chunk was packed or dropped meanwhile. */
export function ofOneState(read: Read): Read {
  return async (question) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await read(async (session) => {
          const answer = await question(session);
          await refuseChangedChunks(session);
          return answer;
        });
      } catch (error) {
        const isStale = error instanceof ChangedChunks || error instanceof StaleTables;
        if (!isStale || attempt === TRIES) throw error;
      }
    }
  };
}
