import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultDeviceTags, PisyncError } from '@pisync/protocol';
import { checkExposure, isLoopback } from '../../src/config/exposure.ts';
import {
  configKeys,
  defaults,
  environmentName,
  flagName,
  keySpec,
  namesIn,
} from '../../src/config/schema.ts';
import { storePath } from '../../src/config/store-place.ts';
import { readTextValue } from '../../src/config/value.ts';
import { nearestName } from '../../src/core/nearest.ts';

describe('the configuration table', () => {
  it('explains every key in one line', () => {
    for (const key of configKeys) {
      const { help, group } = keySpec(key);
      assert.match(help, /^[A-Z][^\n]{20,160}\.$/, key);
      assert.ok(group.length > 0, key);
    }
  });

  it('names every key so that file, environment and flag spellings are one to one', () => {
    for (const key of configKeys) assert.match(key, /^[a-z]+(_[a-z]+)*$/);
    assert.equal(new Set(configKeys.map(environmentName)).size, configKeys.length);
    assert.equal(new Set(configKeys.map(flagName)).size, configKeys.length);
    assert.equal(environmentName('max_items'), 'PISYNC_MAX_ITEMS');
    assert.equal(flagName('max_items'), '--max-items');
  });

  it('carries a unit in the name of every limit on time or size', () => {
    const unitless = configKeys.filter((key) => {
      const spec = keySpec(key);
      return (
        spec.type === 'integer' &&
        !/(_ms|_hours|_days|_bytes|_items|_points|_per_second|_connections)$/.test(key)
      );
    });
    assert.deepEqual(unitless, ['port', 'failing_streak', 'max_depth']);
  });

  it('takes lists of names, and by default the tags that the decoder of lines takes', () => {
    assert.deepEqual(namesIn(defaults.line_device_tags), defaultDeviceTags);
    assert.deepEqual(namesIn(' unit , host'), ['unit', 'host']);
    const many = Array.from({ length: 17 }, (_, at) => `t${at}`).join(',');
    for (const text of ['', ' ', 'a,', ',a', 'a,,b', 'a,a', 'a\nb', 'a\0b', many]) {
      assert.throws(
        () => readTextValue('line_device_tags', text, 'the test'),
        /1 to 16 different names, separated by commas/,
        JSON.stringify(text),
      );
    }
  });

  it('cannot be changed through its defaults', () => {
    assert.ok(Object.isFrozen(defaults));
  });
});

describe('exposure', () => {
  it('knows loopback addresses', () => {
    for (const host of [
      '127.0.0.1',
      '127.9.9.9',
      'localhost',
      'LOCALHOST',
      '::1',
      '[::1]',
      '::ffff:127.0.0.1',
    ]) {
      assert.ok(isLoopback(host), host);
    }
    for (const host of [
      '0.0.0.0',
      '::',
      '192.168.1.2',
      '127.example.org',
      'x127.0.0.1',
      '127.0.0.1.example.org',
      'localhost.example.org',
      '',
    ]) {
      assert.ok(!isLoopback(host), host);
    }
  });

  it('refuses other addresses without the flag, and warns with it', () => {
    assert.deepEqual(checkExposure(defaults), []);
    assert.throws(
      () => checkExposure({ ...defaults, host: '0.0.0.0' }),
      (error) =>
        error instanceof PisyncError &&
        error.code === 'unsafe_config' &&
        /--allow-unauthenticated/.test(error.message),
    );
    const warnings = checkExposure({ ...defaults, host: '0.0.0.0', allow_unauthenticated: true });
    assert.match(warnings.join(), /0\.0\.0\.0 WITHOUT AUTHENTICATION/);
  });
});

describe('suggestions', () => {
  it('finds a key behind one wrong, missing, doubled or swapped letter and other spellings', () => {
    for (const key of configKeys) {
      const middle = Math.floor(key.length / 2);
      const spellings = [
        key.slice(1),
        `${key}s`,
        `${key.slice(0, middle)}x${key.slice(middle + 1)}`,
        key.slice(0, -2) + key.slice(-1) + key.slice(-2, -1),
        key.replaceAll('_', '-'),
        key.toUpperCase(),
      ];
      for (const spelling of spellings) assert.equal(nearestName(spelling, configKeys), key, spelling);
    }
  });

  it('stays silent where nothing is near', () => {
    for (const name of ['database', 'x', 'kafka_brokers', ''])
      assert.equal(nearestName(name, configKeys), undefined, name);
  });
});

describe('the store place', () => {
  it('reads paths with and without slashes', () => {
    assert.equal(storePath('memory:'), null);
    assert.equal(storePath('sqlite:/srv/a.db'), '/srv/a.db');
    assert.equal(storePath('sqlite:///srv/a.db'), '/srv/a.db');
    assert.equal(storePath('sqlite:./a.db'), `${process.cwd()}/a.db`);
    assert.equal(storePath('sqlite:a.db'), `${process.cwd()}/a.db`);
  });
});
