import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PisyncError } from '@pisync/protocol';
import fc from 'fast-check';
import { loadConfig, printableConfig } from '../../src/config/load.ts';
import {
  type ConfigKey,
  type ConfigValue,
  configKeys,
  defaults,
  environmentName,
  flagName,
  keySpec,
} from '../../src/config/schema.ts';

/** Any value that a key accepts. */
function acceptedValue(key: ConfigKey): fc.Arbitrary<ConfigValue> {
  const spec = keySpec(key);
  switch (spec.type) {
    case 'integer':
      return fc.integer({ min: spec.min, max: spec.max }) as fc.Arbitrary<ConfigValue>;
    case 'boolean':
      return fc.boolean() as fc.Arbitrary<ConfigValue>;
    case 'enum':
      return fc.constantFrom(...spec.values) as fc.Arbitrary<ConfigValue>;
    case 'url':
      return fc.constantFrom('memory:', 'sqlite:./a.db', 'sqlite:/srv/b.db') as fc.Arbitrary<ConfigValue>;
    case 'urls':
      return fc
        .array(fc.constantFrom('postgres://a@b/c', 'postgresql://d.e:5433/f?sslmode=require'), {
          minLength: 1,
        })
        .map((urls) => urls.join(', ')) as fc.Arbitrary<ConfigValue>;
    case 'names':
      return fc
        .uniqueArray(fc.stringMatching(/^[a-z_]{1,8}$/), { minLength: 1, maxLength: 16 })
        .map((names) => names.join(', ')) as fc.Arbitrary<ConfigValue>;
    case 'string':
      return fc.stringMatching(/^[a-z0-9.:]{1,20}$/) as fc.Arbitrary<ConfigValue>;
  }
}

const anySource = fc.record(Object.fromEntries(configKeys.map((key) => [key, acceptedValue(key)])), {
  requiredKeys: [],
}) as fc.Arbitrary<Partial<Record<ConfigKey, ConfigValue>>>;

function failure(run: () => unknown): PisyncError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof PisyncError, String(error));
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('loading the configuration', () => {
  it('takes flag, else environment, else file, else default, for any combination of sources', () => {
    fc.assert(
      fc.property(anySource, anySource, anySource, (file, environment, flags) => {
        const texts = (values: object): [string, string][] =>
          Object.entries(values).map(([key, value]) => [key, String(value)]);
        const { config, sources } = loadConfig({
          file: 'settings.json',
          readFile: () => JSON.stringify(file),
          environment: Object.fromEntries(
            texts(environment).map(([key, text]) => [environmentName(key as ConfigKey), text]),
          ),
          flags: Object.fromEntries(texts(flags)),
        });
        for (const key of configKeys) {
          const [value, name] =
            flags[key] !== undefined
              ? [flags[key], flagName(key)]
              : environment[key] !== undefined
                ? [environment[key], environmentName(key)]
                : file[key] !== undefined
                  ? [file[key], 'settings.json']
                  : [defaults[key], 'default'];
          assert.equal(config[key], value);
          assert.equal(sources[key].name, name);
        }
      }),
    );
  });

  it('accepts every default as a value, in each spelling', () => {
    for (const key of configKeys) {
      assert.equal(loadConfig({ flags: { [key]: String(defaults[key]) } }).config[key], defaults[key]);
      const readFile = (): string => JSON.stringify({ [key]: defaults[key] });
      assert.equal(loadConfig({ file: 'f', readFile }).config[key], defaults[key]);
    }
  });

  it('reads the file that PISYNC_CONFIG names, and prefers --config', () => {
    const readFile = (path: string): string => (path === 'a.json' ? '{"port":1}' : '{"port":2}');
    assert.equal(loadConfig({ environment: { PISYNC_CONFIG: 'a.json' }, readFile }).config.port, 1);
    assert.equal(
      loadConfig({ environment: { PISYNC_CONFIG: 'a.json' }, file: 'b.json', readFile }).config.port,
      2,
    );
  });

  it('counts an empty environment value as not set', () => {
    assert.equal(
      loadConfig({ environment: { PISYNC_PORT: '', PISYNC_CONFIG: '' } }).sources.port.kind,
      'default',
    );
  });

  it('leaves names alone that are not its own', () => {
    const environment = { PORT: '1', HOME: '/', pisync_port: '2', PISYNC: 'x', PISYNC_URL: 'http://x' };
    assert.deepEqual(loadConfig({ environment }).config, defaults);
  });
});

describe('wrong configuration', () => {
  it('refuses unknown names from every source, with the nearest name', () => {
    const found = [
      failure(() => loadConfig({ file: 'f', readFile: () => '{"max_item":1}' })),
      failure(() => loadConfig({ file: 'f', readFile: () => '{"maxItems":1}' })),
      failure(() => loadConfig({ environment: { PISYNC_MAX_ITEM: '1' } })),
      failure(() => loadConfig({ flags: { max_item: '1' } })),
    ];
    for (const error of found) {
      assert.equal(error.code, 'unknown_config_key');
      assert.match(error.message, /Did you mean (max_items|PISYNC_MAX_ITEMS)\?/);
    }
  });

  it('is not fooled by names that every object has', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const error = failure(() => loadConfig({ file: 'f', readFile: () => `{"${name}": {"port": 1}}` }));
      assert.equal(error.code, 'unknown_config_key');
    }
    assert.equal(
      failure(() => loadConfig({ environment: { PISYNC_CONSTRUCTOR: '1' } })).code,
      'unknown_config_key',
    );
  });

  it('names key, source and what is allowed for a wrong value', () => {
    const error = failure(() => loadConfig({ environment: { PISYNC_PORT: '70000' } }));
    assert.equal(error.code, 'invalid_config');
    assert.equal(error.field, 'port');
    for (const part of ['port', 'PISYNC_PORT', '0 to 65535', '70000'])
      assert.ok(error.message.includes(part), part);
  });

  it('takes integers only in plain digits', () => {
    for (const text of ['', ' 1', '1 ', '1e3', '0x10', '1.5', '+1', 'NaN', '٣', '-1', '9'.repeat(30)]) {
      if (text === '') continue;
      assert.equal(failure(() => loadConfig({ flags: { port: text } })).code, 'invalid_config', text);
    }
  });

  it('is strict about types in a file', () => {
    const wrong = [
      '{"port":"3000"}',
      '{"port":null}',
      '{"port":1.5}',
      '{"allow_unauthenticated":"true"}',
      '{"host":7}',
    ];
    for (const text of wrong) {
      assert.equal(
        failure(() => loadConfig({ file: 'f', readFile: () => text })).code,
        'invalid_config',
        text,
      );
    }
  });

  it('refuses numbers just outside each range and accepts its ends', () => {
    for (const key of configKeys) {
      const spec = keySpec(key);
      if (spec.type !== 'integer') continue;
      for (const value of [spec.min, spec.max])
        assert.equal(loadConfig({ flags: { [key]: String(value) } }).config[key], value);
      for (const value of [spec.min - 1, spec.max + 1]) {
        assert.equal(failure(() => loadConfig({ flags: { [key]: String(value) } })).field, key);
      }
    }
  });

  it('refuses stores that no adapter serves', () => {
    for (const url of ['data.db', 'sqlite:', 'memory:x', 'mysql://h/db', 'sqlite:a\u0000b']) {
      assert.equal(failure(() => loadConfig({ flags: { store: url } })).field, 'store', url);
    }
  });

  it('explains files that are absent, broken or no object', () => {
    assert.match(failure(() => loadConfig({ file: '/does/not/exist.json' })).message, /does not exist/);
    for (const text of ['{', '[]', '3', 'null']) {
      assert.equal(
        failure(() => loadConfig({ file: 'f', readFile: () => text })).code,
        'invalid_config',
        text,
      );
    }
  });

  it('tells what Kubernetes did to PISYNC_PORT', () => {
    for (const [name, text] of [
      ['PISYNC_PORT', 'tcp://10.0.0.7:3000'],
      ['PISYNC_SERVICE_HOST', '10.0.0.7'],
      ['PISYNC_PORT_3000_TCP_ADDR', '10.0.0.7'],
    ] as const) {
      assert.match(
        failure(() => loadConfig({ environment: { [name]: text } })).message,
        /enableServiceLinks: false/,
      );
    }
  });

  it('never shows the password of a URL', () => {
    const error = failure(() => loadConfig({ environment: { PISYNC_STORE: 'mysql://pi:hunter2@host/db' } }));
    assert.doesNotMatch(error.message, /hunter2/);
    const shown = printableConfig({ ...defaults, store: 'postgres://pi:hunter2@host/db' });
    assert.doesNotMatch(JSON.stringify(shown), /hunter2/);
  });
});
