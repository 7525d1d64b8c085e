import { after, describe } from 'node:test';
import { commitTests } from './commit-tests.ts';
import { crashTests } from './crash-tests.ts';
import { deviceTests } from './device-tests.ts';
import { failureTests } from './failure-tests.ts';
import { fleetTests } from './fleet-tests.ts';
import { historyTests } from './history-tests.ts';
import { lifecycleTests } from './lifecycle-tests.ts';
import { modelTests } from './model/model-tests.ts';
import { quarantineTests } from './quarantine-tests.ts';
import { StoreSuite, type StoreSuiteOptions, type SuiteReport } from './suite-recorder.ts';

/**
 * Registers, with node:test, every promise of the `Store` port as a test against one adapter. Call it at the top
 * of a test file, once for each adapter and configuration.
 *
 * A trait that the adapter does not have is tested for its absence; a durable adapter must supply `startChild`.
 * Fails when not every declared test ran, so that a suite cannot pass by running nothing. Needs the package
 * `fast-check`.
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
    quarantineTests(suite);
    lifecycleTests(suite);
    failureTests(suite);
    crashTests(suite);
    modelTests(suite);
    after(() => {
      const filtered = process.execArgv.some((arg) => arg.startsWith('--test-name-pattern'));
      if (!filtered && suite.ran() !== suite.declared) {
        throw new Error(`${suite.ran()} of ${suite.declared} tests ran`);
      }
    });
  });
  return suite;
}
