import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commitTests } from './commit-tests.ts';
import { contactTests } from './contact-tests.ts';
import { crashTests } from './crash-tests.ts';
import { detectionTests } from './detections/detection-tests.ts';
import { networkTests } from './detections/network-tests.ts';
import { deviceTests } from './device-tests.ts';
import { failureTests } from './failure-tests.ts';
import { fleetTests } from './fleet-tests.ts';
import { historyTests } from './history-tests.ts';
import { lifecycleTests } from './lifecycle-tests.ts';
import { modelTests } from './model/model-tests.ts';
import { quarantineTests } from './quarantine-tests.ts';
import { StoreSuite, type StoreSuiteOptions, type SuiteReport } from './suite-recorder.ts';
import { telemetryTests } from './telemetry/telemetry-tests.ts';

/**
 * Registers, with node:test, every promise of the `Store` port as a test against one adapter. Call it at the top
 * of a test file, once for each adapter and configuration.
 *
 * A trait that the adapter does not have is tested for its absence; a durable adapter must supply `startChild`.
 * Its last test tells how many tests ran and fails when some declared one did not. Needs the package `fast-check`.
 */
export function storeSuite(options: StoreSuiteOptions): SuiteReport {
  if (options.supports.durable && options.startChild === undefined) {
    throw new TypeError(`${options.name} claims to be durable: supply startChild, so that it can be killed`);
  }
  const suite = new StoreSuite(options);
  describe(`store conformance: ${options.name}`, () => {
    commitTests(suite);
    historyTests(suite);
    deviceTests(suite);
    fleetTests(suite);
    telemetryTests(suite);
    contactTests(suite);
    detectionTests(suite);
    networkTests(suite);
    quarantineTests(suite);
    lifecycleTests(suite);
    failureTests(suite);
    crashTests(suite);
    modelTests(suite);
    test('ran every test that the suite declares', (context) => {
      context.diagnostic(`${suite.name}: ${suite.ran()} of ${suite.declared} tests ran`);
      assert.ok(suite.declared > 0);
      assert.equal(suite.ran(), suite.declared);
    });
  });
  return suite;
}
