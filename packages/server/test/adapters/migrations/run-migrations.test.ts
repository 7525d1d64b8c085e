import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Migration, perform, performNow } from '../../../src/adapters/store/migrations/migration.ts';
import { nextStep, pendingSteps } from '../../../src/adapters/store/migrations/next-step.ts';
import {
  type MigrationTarget,
  runMigrations,
} from '../../../src/adapters/store/migrations/run-migrations.ts';
import { migrations as postgresMigrations } from '../../../src/adapters/store/postgres/migrations/versions.ts';
import { migrations as sqliteMigrations } from '../../../src/adapters/store/sqlite/format/versions.ts';
import type { MigrationRequest } from '../../../src/ports/store-admin.ts';

const versions: readonly Migration[] = [1, 2, 3].map((version) => ({
  version,
  name: `v${version}`,
  note: 'a test',
  up: [`up ${version}`],
  down: [`down ${version}`],
  ...(version === 2 ? { dropsData: true } : {}),
}));

/** A store that only has a version, and fails when it is told to. */
class Numbered implements MigrationTarget {
  at: number;
  readonly ran: string[] = [];
  /** What another process does before the next step. */
  meanwhile: (() => void) | undefined;

  constructor(at: number) {
    this.at = at;
  }

  version = async (): Promise<number> => this.at;

  apply: MigrationTarget['apply'] = async (step, onStatement) => {
    const meanwhile = this.meanwhile;
    this.meanwhile = undefined;
    meanwhile?.();
    if (this.at !== step.from) return;
    for (const statement of step.work as readonly string[]) {
      onStatement(statement);
      this.ran.push(statement);
    }
    this.at = step.to;
  };

  rehearse: MigrationTarget['rehearse'] = async (step, onStatement) => {
    for (const statement of step.work as readonly string[]) onStatement(statement);
  };
}

const request = (fields: Partial<MigrationRequest> = {}): MigrationRequest => ({
  down: false,
  dropData: false,
  dryRun: false,
  ...fields,
});

describe('migrations', () => {
  test('are numbered from 1 without gaps, with a way down and a note, in every store', () => {
    for (const list of [postgresMigrations, sqliteMigrations]) {
      assert.deepEqual(
        list.map(({ version }) => version),
        list.map((_, index) => index + 1),
      );
      for (const { name, note } of list) {
        assert.match(name, /^[a-z0-9-]+$/);
        assert.ok(note.length > 10);
      }
      assert.equal(new Set(list.map(({ name }) => name)).size, list.length);
    }
  });

  test('run from any version to any other, one step at a time', async () => {
    for (let from = 0; from <= 3; from += 1) {
      for (let to = 0; to <= 3; to += 1) {
        const target = new Numbered(from);
        const report = await runMigrations(
          target,
          versions,
          request({ to, down: to < from, dropData: true }),
        );
        const expected =
          to > from
            ? versions.slice(from, to).map(({ version }) => `up ${version}`)
            : versions
                .slice(to, from)
                .map(({ version }) => `down ${version}`)
                .reverse();
        assert.deepEqual(target.ran, expected);
        assert.deepEqual([target.at, report.from, report.to, report.newest], [to, from, to, 3]);
        assert.deepEqual(
          report.steps.flatMap(({ statements }) => statements),
          expected,
        );
      }
    }
  });

  test('go to the newest version, or one down, where no version is named', async () => {
    const up = new Numbered(1);
    await runMigrations(up, versions, request());
    assert.equal(up.at, 3);
    await runMigrations(up, versions, request({ down: true }));
    assert.equal(up.at, 2);
  });

  test('change nothing in a dry run, and tell the same statements', async () => {
    for (const fields of [{}, { to: 0, down: true }, { to: 2 }]) {
      const target = new Numbered(1);
      const rehearsed = await runMigrations(target, versions, request({ ...fields, dryRun: true }));
      assert.deepEqual([target.at, target.ran], [1, []]);
      const done = await runMigrations(target, versions, request({ ...fields, dropData: true }));
      assert.deepEqual(rehearsed, done);
    }
  });

  test('are refused where the way was not allowed, before the first step', async () => {
    const refusals: readonly (readonly [number, Partial<MigrationRequest>, RegExp])[] = [
      [3, { to: 1, down: true }, /version 2 \(v2\) removes what devices sent.*--drop-data/],
      [3, { to: 1 }, /add --down/],
      [1, { to: 3, down: true }, /leave out --down/],
      [1, { to: 4 }, /up to 3/],
      [0, { down: true }, /no way down/],
    ];
    for (const [at, fields, message] of refusals) {
      const target = new Numbered(at);
      await assert.rejects(runMigrations(target, versions, request(fields)), {
        code: 'invalid_config',
        message,
      });
      assert.deepEqual([target.at, target.ran], [at, []]);
    }
    for (const fields of [{}, { dryRun: true }, { down: true, to: 1, dropData: true }]) {
      await assert.rejects(runMigrations(new Numbered(4), versions, request(fields)), {
        code: 'store_newer',
      });
    }
  });

  test('go on where another process got to, and never turn round', async () => {
    for (const ahead of [2, 3]) {
      const target = new Numbered(1);
      target.meanwhile = () => {
        target.at = ahead;
      };
      const report = await runMigrations(target, versions, request({ to: 2 }));
      assert.deepEqual([target.at, target.ran, report.to], [ahead, [], ahead]);
    }
  });

  test('pend from the version of a store to the newest', () => {
    assert.deepEqual(
      pendingSteps(versions, 1).map(({ from, to }) => [from, to]),
      [
        [1, 2],
        [2, 3],
      ],
    );
    assert.deepEqual(pendingSteps(versions, 3), []);
    assert.throws(() => pendingSteps(versions, 4), { code: 'store_newer' });
    assert.equal(nextStep(versions, 3, 0)?.dropsData, false);
    assert.equal(nextStep(versions, 2, 0)?.dropsData, true);
  });

  test('of data are given what they ask for, one answer each, by both kinds of driver', async () => {
    const work: Migration['up'] = function* () {
      const rows = yield { ask: 'numbers' };
      for (const { n } of rows) yield { run: `write ${String(n)}` };
      const none = yield { run: 'end', alone: true };
      yield { run: `then ${none.length}` };
    };
    const expected = ['write 1', 'write 2', 'end!', 'then 0'];
    const rows = [{ n: 1 }, { n: 2 }];
    const place = { schema: 'main', concurrently: true };
    const later: string[] = [];
    await perform(work, place, {
      ask: async () => rows,
      run: async (statement, alone) => void later.push(alone ? `${statement}!` : statement),
    });
    assert.deepEqual(later, expected);
    const now: string[] = [];
    performNow(work, place, { ask: () => rows, run: (statement) => void now.push(statement) });
    assert.deepEqual(
      now,
      expected.map((statement) => statement.replace('!', '')),
    );
  });
});
