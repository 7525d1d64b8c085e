import type { Database } from '../../connection/database.ts';
import { toPisyncError } from '../../connection/database-error.ts';
import { type Session, sessionOf } from '../../connection/session.ts';
import type { PackedTelemetry } from '../../schema/policies.ts';
import { dayTable, moveBoundAhead } from '../point-days.ts';
import { sealDay } from './seal-day.ts';

/**
 * Packs the points of days that are over into the blocks that the embedded store seals them in, some bytes for each point. A day
 * is packed in one transaction: killed at any moment, it leaves either its rows or its blocks. Points that come for a packed day
 * are rows again, which the next round packs.
 */
export class PackedPoints implements PackedTelemetry {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Packs each day before `day` that has rows. One that points come for meanwhile is left for the next round.
   *
   * @param day - as days since 1970
   * @returns what was done, for people
   * @throws {PisyncError} `store_unavailable`; days that were done before stay so
   */
  async sealPoints(day: number): Promise<readonly string[]> {
    await this.#transaction(async (session) => {
      await session.query('SELECT FROM store WHERE id = 1 FOR UPDATE');
      await moveBoundAhead(session);
    });
    const days = await this.#database.read((session) =>
      session.query<{ day: number }>('SELECT day FROM point_day WHERE open AND day < $1::int ORDER BY day', [
        day,
      ]),
    );
    const done: string[] = [];
    for (const { day: own } of days) {
      const sealed = await this.#transaction((session) => sealDay(session, own));
      if (sealed !== null) done.push(`${dayTable(own)}: ${sealed.points} points in ${sealed.blocks} blocks`);
    }
    return done;
  }

  async dropSealedPoints(day: number): Promise<readonly string[]> {
    const dropped = await this.#transaction((session) =>
      session.query<{ day: number; points: number }>(
        `WITH dropped AS (DELETE FROM point_block WHERE day < $1::int RETURNING day, count)
         SELECT day, sum(count)::bigint AS points FROM dropped GROUP BY day ORDER BY day`,
        [day],
      ),
    );
    return dropped.map(({ day: own, points }) => `${dayTable(own)}: ${points} points in blocks`);
  }

  /** On a connection of its own; what comes out as null is not kept. */
  async #transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const client = await this.#database.connect();
    try {
      await client.query(this.#database.begin('write'));
      const done = await work(sessionOf(client));
      await client.query(done === null ? 'ROLLBACK' : 'COMMIT');
      return done;
    } catch (error) {
      throw toPisyncError(error);
    } finally {
      // What was not committed ends with its connection.
      await client.end().catch(() => {});
    }
  }
}
