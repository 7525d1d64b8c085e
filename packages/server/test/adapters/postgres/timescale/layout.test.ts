import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { perform, type Row } from '../../../../src/adapters/store/migrations/migration.ts';
import { extensionFinding } from '../../../../src/adapters/store/postgres/inspect/inspect-layout.ts';
import { migrations } from '../../../../src/adapters/store/postgres/migrations/versions.ts';
import {
  chooseLayout,
  type ExtensionFacts,
  requireExtension,
} from '../../../../src/adapters/store/postgres/schema/layout/choose-layout.ts';
import { tablesOf } from '../../../../src/adapters/store/postgres/schema/tables.ts';

const able: ExtensionFacts = { version: '2.23.0', functions: 'public', license: 'timescale' };
const apache: ExtensionFacts = { ...able, license: 'apache' };

/** What cannot serve, and what the refusal must name. */
const unable: readonly (readonly [Partial<ExtensionFacts>, RegExp])[] = [
  [{ license: 'apache' }, /timescaledb\.license = apache.*Set timescaledb\.license = 'timescale'/],
  [{ license: null }, /shared_preload_libraries = 'timescaledb'/],
  [
    { version: '2.17.2' },
    /2\.17\.2 is too old; PiSync needs 2\.18 or newer.*ALTER EXTENSION timescaledb UPDATE/,
  ],
  [{ version: '1.99.0' }, /too old/],
];

/** The statements that make the first tables on a server that tells this of the extension. */
async function firstStatements(extension: ExtensionFacts | undefined): Promise<readonly string[]> {
  const statements: string[] = [];
  await perform(
    migrations[0]?.up ?? [],
    { schema: 'pisync', concurrently: false },
    {
      ask: async () => (extension === undefined ? [] : [extension as ExtensionFacts & Row]),
      run: async (statement) => {
        statements.push(statement);
      },
    },
  );
  return statements;
}

describe('the layout of a new store', () => {
  test('is hypertables where the extension can serve them, and partitions where it is not there', () => {
    assert.deepEqual(chooseLayout(undefined), { kind: 'partitions' });
    for (const version of ['2.18.0', '2.23.0-dev', '3.0.0']) {
      assert.deepEqual(chooseLayout({ ...able, version }), { kind: 'hypertables', functions: 'public' });
    }
  });

  test('is refused, with the fix, where the extension is there and lacks what hypertables need', async () => {
    for (const [facts, says] of unable) {
      const extension = { ...able, ...facts };
      assert.throws(() => chooseLayout(extension), { code: 'invalid_config', message: says });
      await assert.rejects(firstStatements(extension), { code: 'invalid_config', message: says });
    }
  });

  test('makes the tables that it needs, and plain ones where there is no extension', async () => {
    const plain = await firstStatements(undefined);
    assert.deepEqual(plain, tablesOf({ kind: 'partitions' }));
    assert.equal(plain.filter((text) => text.includes('PARTITION BY RANGE')).length, 3);
    assert.ok(!plain.some((text) => /hypertable|timescaledb|telemetry_hour|point_summed/.test(text)));
    const chunked = await firstStatements({ ...able, functions: '"Other"' });
    assert.ok(!chunked.some((text) => /PARTITION (BY|OF)|point_bounds/.test(text)));
    assert.equal(chunked.filter((text) => text.includes('"Other".create_hypertable(')).length, 3);
    // Identities are known for ever, whatever becomes of what has a time.
    assert.ok(!chunked.some((text) => /create_hypertable\('(identity|series|device)'/.test(text)));
  });

  test('has no unique key of hypertables that partitions do not have', () => {
    const keys = (statements: readonly string[]) =>
      statements
        .filter((text) => /UNIQUE|PRIMARY KEY/.test(text))
        .map((text) => text.replace(/ PARTITION BY .*/, ''));
    const plain = keys(tablesOf({ kind: 'partitions' }));
    const more = keys(tablesOf({ kind: 'hypertables', functions: 'public' })).filter(
      (text) => !plain.includes(text),
    );
    assert.deepEqual(more, ['CREATE TABLE point_summed (day integer PRIMARY KEY, commits bigint NOT NULL)']);
  });
});

describe('a store that is there', () => {
  test('with hypertables is refused, with the fix, where the extension went or lost its features', () => {
    assert.equal(requireExtension(able), null);
    assert.match(requireExtension(undefined)?.message ?? '', /The extension timescaledb is gone/);
    for (const [facts, says] of unable)
      assert.match(requireExtension({ ...able, ...facts })?.message ?? '', says);
  });

  test('keeps its layout, and the doctor says what is there', () => {
    const plain = { kind: 'partitions' } as const;
    const chunked = { kind: 'hypertables', functions: 'public' } as const;
    assert.match(extensionFinding(plain, undefined).detail, /not present/);
    const later = extensionFinding(plain, able);
    assert.deepEqual(
      [later.severity, /made without it.*pisync migrate-store/.test(later.detail)],
      ['ok', true],
    );
    const without = extensionFinding(plain, apache);
    assert.equal(without.severity, 'warning');
    assert.match(without.detail, /Set timescaledb\.license.*made without it/);
    assert.equal(extensionFinding(chunked, able).severity, 'ok');
    assert.equal(extensionFinding(chunked, apache).severity, 'error');
  });
});
