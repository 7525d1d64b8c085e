import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

/** Reporter for node's test runner: nothing but the number of tests that ran, passed or not. */
export default async function* testCount(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let ran = 0;
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details.type === 'suite' || data.skip !== undefined || data.todo !== undefined) continue;
    // A file in which no test was selected reports itself as one.
    if (data.file !== undefined && relative(process.cwd(), data.file) === data.name) continue;
    ran += 1;
  }
  yield String(ran);
}
