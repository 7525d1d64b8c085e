import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from 'pg';
import type { Session } from '../../../../src/adapters/store/postgres/connection/session.ts';
import {
  ChangedChunks,
  ofOneState,
} from '../../../../src/adapters/store/postgres/telemetry/hypertables/one-state.ts';
import { StaleTables } from '../../../../src/adapters/store/postgres/telemetry/series-page.ts';

/** A session of a store that tells of packed chunks; the database of the other tests has no second session that could pack one. */
function sessionThatTells(partitioned: boolean, changed: () => boolean): Session {
  const client = {} as Client;
  return {
    client,
    inTurn: (work) => work(),
    query: async <R extends object>(text: string) => {
      const row = text.includes('relkind') ? { partitioned, functions: 'public' } : { changed: changed() };
      return [row as unknown as R];
    },
  };
}

/** Asks a question while a chunk is packed during the first of its tries. @returns the answers that were worked out */
async function asked(partitioned: boolean, packedTries: number): Promise<{ answer: number; tries: number }> {
  let tries = 0;
  const read = ofOneState((question) => question(sessionThatTells(partitioned, () => tries <= packedTries)));
  const answer = await read(async () => {
    tries += 1;
    return tries;
  });
  return { answer, tries };
}

test('a question that a chunk was packed under is asked again, of another state', async () => {
  assert.deepEqual(await asked(false, 0), { answer: 1, tries: 1 });
  assert.deepEqual(await asked(false, 2), { answer: 3, tries: 3 });
  await assert.rejects(asked(false, 100), ChangedChunks);
  // Tables of partitions are held instead.
  assert.deepEqual(await asked(true, 100), { answer: 1, tries: 1 });
});

test('a question that a chunk was dropped under is asked again', async () => {
  let tries = 0;
  const read = ofOneState((question) => question(sessionThatTells(false, () => false)));
  const answer = await read(async () => {
    tries += 1;
    if (tries === 1) throw new StaleTables();
    return tries;
  });
  assert.equal(answer, 2);
});

test('a question that fails is not asked again', async () => {
  let tries = 0;
  const read = ofOneState((question) => question(sessionThatTells(false, () => false)));
  await assert.rejects(
    read(async () => {
      tries += 1;
      throw new TypeError('fails');
    }),
    TypeError,
  );
  assert.equal(tries, 1);
});
