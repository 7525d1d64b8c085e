import type { Database } from '../../connection/database.ts';
import { layoutOf } from '../../schema/layout/find-layout.ts';
import { sumUpDays } from './summed-days.ts';

/**
 * Packs and sums up all telemetry there is, as the jobs of TimescaleDB do with what is old enough. Changes no answer.
 *
 * @returns false where the store has no hypertables, and nothing was done
 */
export async function packAllChunks(database: Database): Promise<boolean> {
  const layout = await database.write(async (session) => {
    const found = await layoutOf(session);
    if (found.kind === 'partitions') return null;
    const { functions } = found;
    await session.query('SET LOCAL statement_timeout = 0');
    await session.query(
      `SELECT ${functions}.compress_chunk(chunk, if_not_compressed => true) FROM ${functions}.show_chunks('point') AS chunk`,
    );
    return found;
  });
  if (layout === null) return false;
  await sumUpDays(database, layout, ALL_DAYS);
  return true;
}

/** Days since 1970 behind all that a point may be of. */
const ALL_DAYS = 999_999;
