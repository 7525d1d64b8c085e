import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type JobRuns, runFindings } from '../../../../src/adapters/store/postgres/inspect/inspect-layout.ts';
import {
  defaultPolicies,
  type PolicyValues,
} from '../../../../src/adapters/store/postgres/schema/declared-policies.ts';
import {
  type FoundJob,
  planJobs,
  wantedJobs,
} from '../../../../src/adapters/store/postgres/schema/layout/jobs.ts';

const layout = { functions: 'ext' };

const anyDays = fc.oneof(fc.constant('off'), fc.integer({ min: 2, max: 5 }).map(String));
const anyValues: fc.Arbitrary<PolicyValues> = fc
  .record({
    events_retention: anyDays,
    detections_retention: anyDays,
    telemetry_retention: anyDays,
    telemetry_seal_after: anyDays,
  })
  .map((values) => ({ ...defaultPolicies('hypertables'), ...values }));

/** Any of the jobs that there may be, as somebody left them. */
const anyFound: fc.Arbitrary<readonly FoundJob[]> = fc
  .tuple(anyValues, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }))
  .map(([values, kept]) =>
    wantedJobs(values).flatMap((job, at) => (kept[at] === true ? [{ ...job, id: 1000 + at }] : [])),
  );

/** What becomes of jobs when a change is made, as far as its statement says. */
function changed(jobs: readonly FoundJob[], statement: string): readonly FoundJob[] {
  const [, verb = '', table = ''] = /ext\.(\w+)\('?(\w+)/.exec(statement) ?? [];
  const days = /INTERVAL '(\d+) days'/.exec(statement)?.[1];
  const number = days === undefined ? null : Number(days);
  if (verb === 'alter_job') {
    const id = Number(/job_id = (\d+)/.exec(statement)?.[1]);
    return jobs.map((job) => (job.id === id ? { ...job, days: number } : job));
  }
  const kind = (['columnstore', 'retention', 'aggregate'] as const).find((one) => verb.includes(one));
  const own = kind === 'aggregate' ? 'refresh' : kind;
  if (own === undefined) throw new Error(`not understood: ${statement}`);
  if (verb.startsWith('remove')) return jobs.filter((job) => job.table !== table || job.kind !== own);
  assert.ok(!jobs.some((job) => job.table === table && job.kind === own), 'is there twice');
  return [...jobs, { id: 2000 + jobs.length, table, kind: own, days: own === 'refresh' ? null : number }];
}

const seen = (jobs: readonly Omit<FoundJob, 'id'>[]): readonly string[] =>
  jobs.map(({ table, kind, days }) => `${kind} ${table} ${days}`).sort();

describe('jobs of TimescaleDB', () => {
  test('become what is declared, whatever they were, and then stay', () => {
    fc.assert(
      fc.property(anyValues, anyFound, (values, found) => {
        const wanted = wantedJobs(values);
        let jobs = found;
        for (const { statement } of planJobs(wanted, found, layout)) jobs = changed(jobs, statement);
        assert.deepEqual(seen(jobs), seen(wanted));
        assert.deepEqual(planJobs(wanted, jobs, layout), []);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the doctor on jobs', () => {
  const job = { id: 1000, table: 'point', kind: 'columnstore', scheduled: true, failed: false, late: null };
  const well: JobRuns = { workers: 8, truncates: 'truncate_only', age: 86_400, jobs: [job] };
  const told = (runs: Partial<JobRuns>): string =>
    runFindings({ ...well, ...runs })
      .map(({ severity, detail }) => `${severity}: ${detail}`)
      .join('\n');

  test('says what keeps them from running', () => {
    assert.match(told({}), /^ok: 1 jobs/);
    assert.match(told({ workers: null }), /^warning: .*shared_preload_libraries/);
    assert.match(told({ workers: 0 }), /^warning: timescaledb\.max_background_workers is 0/);
    assert.match(told({ jobs: [{ ...job, failed: null }] }), /^warning: no job of TimescaleDB ever ran/);
    assert.match(told({ age: 60, jobs: [{ ...job, failed: null }] }), /^ok/);
    assert.match(
      told({ jobs: [{ ...job, failed: true }] }),
      /^warning: the last run failed: 1000 \(columnstore of point\)/,
    );
    assert.match(
      told({ jobs: [{ ...job, scheduled: false, late: 9999 }] }),
      /^warning: paused by hand: 1000[^\n]*$/,
    );
    assert.match(told({ jobs: [{ ...job, late: 9999 }] }), /^warning: due for more than an hour: 1000/);
    assert.match(
      told({ truncates: 'truncate_or_delete' }),
      /^warning: timescaledb\.compress_truncate_behaviour/,
    );
    assert.match(told({ truncates: null }), /^ok/);
  });
});
