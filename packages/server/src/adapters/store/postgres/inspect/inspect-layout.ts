import type { Finding } from '../../../../ports/store.ts';
import type { Session } from '../connection/session.ts';
import { daysOf, type PolicyValues, storedPolicies } from '../schema/declared-policies.ts';
import { ASK_EXTENSION, type ExtensionFacts, lackOf } from '../schema/layout/choose-layout.ts';
import { findLayout } from '../schema/layout/find-layout.ts';
import { findJobs, JOBS, planJobs, wantedJobs } from '../schema/layout/jobs.ts';
import type { Hypertables, Layout } from '../schema/layout/layout.ts';

/** In which layout a store keeps its data, and whether what that needs is there. */
export async function inspectLayout(session: Session): Promise<readonly Finding[]> {
  const [extension] = await session.query<ExtensionFacts>(ASK_EXTENSION);
  const layout = await findLayout(session);
  const found = extensionFinding(layout, extension);
  if (layout.kind === 'partitions') return [found, ...(await partitionFinding(session))];
  return [found, ...(await jobFindings(session, layout))];
}

export function extensionFinding({ kind }: Layout, extension: ExtensionFacts | undefined): Finding {
  const check = 'timescaledb';
  if (extension === undefined) {
    const detail = 'not present: plain partitions, and telemetry in sealed blocks';
    return { severity: 'ok', check, detail };
  }
  const lack = lackOf(extension);
  const version = `version ${extension.version}`;
  if (kind === 'hypertables') {
    if (lack === null) return { severity: 'ok', check, detail: `${version}: hypertables and columnstore` };
    return { severity: 'error', check, detail: lack };
  }
  const stays = 'this store was made without it and stays with plain partitions and sealed blocks';
  if (lack !== null) return { severity: 'warning', check, detail: `${lack} Until then ${stays}.` };
  const detail = `${version} is there; ${stays}. To use it, move to another schema with: pisync migrate-store`;
  return { severity: 'ok', check, detail };
}

/** Months are made ahead by running servers; where that fails, commits make what they need and wait for it. */
async function partitionFinding(session: Session): Promise<readonly Finding[]> {
  const [found] = await session.query<{ next: string; there: boolean; commits: number }>(
    `SELECT next, EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = next) AS there,
       (SELECT position FROM store) AS commits
     FROM to_char(now() + interval '1 month', '"sync_event_"YYYY_MM') AS next`,
  );
  if (found === undefined || found.commits === 0) return [];
  const { next, there } = found;
  if (there) return [{ severity: 'ok', check: 'partitions', detail: `made ahead: ${next} is there` }];
  const detail = `${next} is not there yet: a running server makes it within the hour; see its log if it stays away`;
  return [{ severity: 'warning', check: 'partitions', detail }];
}

/** What a server tells of the jobs that it runs. */
export interface JobRuns {
  /** `timescaledb.max_background_workers`; null where the server was started without what runs jobs. */
  readonly workers: number | null;
  /** How a chunk is emptied when its rows were packed; null where the version has no choice. */
  readonly truncates: string | null;
  /** Seconds since the store was made. */
  readonly age: number;
  readonly jobs: readonly {
    readonly id: number;
    readonly table: string;
    readonly kind: string;
    readonly scheduled: boolean;
    /** True where its last run failed; null where it never ran. */
    readonly failed: boolean | null;
    /** Seconds for which it has been due. */
    readonly late: number | null;
  }[];
}

async function jobFindings(session: Session, layout: Hypertables): Promise<readonly Finding[]> {
  const values = await storedPolicies(session, 'hypertables');
  const changes = planJobs(wantedJobs(values), await findJobs(session), layout);
  const declared = changes.map(
    ({ told, removes }) => `${removes ? 'there is still' : 'not there yet:'} ${told}`,
  );
  return [...policyFindings(values, declared), ...runFindings(await jobRuns(session))];
}

function policyFindings(values: PolicyValues, declared: readonly string[]): readonly Finding[] {
  const check = 'policies';
  if (declared.length > 0) {
    const detail = `${declared.join('; ')}. A running server changes it within the hour; see its log if it stays so`;
    return [{ severity: 'warning', check, detail }];
  }
  const days = daysOf(values, 'telemetry_seal_after');
  const packed = days === null ? 'telemetry is not packed' : `telemetry is packed after ${days} days`;
  return [{ severity: 'ok', check, detail: `jobs of TimescaleDB are as declared; ${packed}` }];
}

async function jobRuns(session: Session): Promise<JobRuns> {
  const [server] = await session.query<Omit<JobRuns, 'jobs'>>(
    `SELECT current_setting('timescaledb.max_background_workers', true)::int AS workers,
       current_setting('timescaledb.compress_truncate_behaviour', true) AS truncates,
       extract(epoch FROM now() - created_at)::float8 AS age FROM store`,
  );
  if (server === undefined) throw new TypeError('the table store has no row');
  const jobs = await session.query<JobRuns['jobs'][number]>(
    `SELECT own.id, own."table", own.kind, scheduled, last_run_status = 'Failed' AS failed,
       extract(epoch FROM now() - s.next_start)::float8 AS late
     FROM (${JOBS}) own JOIN timescaledb_information.jobs j ON j.job_id = own.id
       LEFT JOIN timescaledb_information.job_stats s ON s.job_id = own.id ORDER BY own.id`,
  );
  return { ...server, jobs };
}

/** Every job is due within an hour after it was made; then it says of itself that it ran. */
const FIRST_RUN_S = 3_600;
const LATE_S = 3_600;

/** What keeps jobs from doing their work. */
export function runFindings({ workers, truncates, age, jobs }: JobRuns): readonly Finding[] {
  const check = 'jobs';
  const found: Finding[] = [];
  const tell = (detail: string): void => {
    found.push({ severity: 'warning', check, detail });
  };
  const named = (some: JobRuns['jobs']): string =>
    some.map(({ id, kind, table }) => `${id} (${kind} of ${table})`).join(', ');
  const idle = 'nothing is packed, summed up ahead or dropped';
  const fix =
    'Set timescaledb.max_background_workers and max_worker_processes as pisync tune says, and restart the server';
  if (workers === null) {
    tell(
      `the server was started without timescaledb in shared_preload_libraries, so that no job runs: ${idle}. Add it, and restart the server`,
    );
  } else if (workers === 0) {
    tell(`timescaledb.max_background_workers is 0, so that no job runs: ${idle}. ${fix}`);
  } else if (jobs.length > 0 && jobs.every(({ failed }) => failed === null) && age > FIRST_RUN_S) {
    tell(
      `no job of TimescaleDB ever ran, so that ${idle}: its scheduler is not there, or has no free worker. ${fix}`,
    );
  }
  const paused = jobs.filter(({ scheduled }) => !scheduled);
  if (paused.length > 0) {
    tell(`paused by hand: ${named(paused)}. SELECT alter_job(ID, scheduled => true) goes on with one`);
  }
  const failed = jobs.filter((job) => job.failed === true);
  if (failed.length > 0) {
    tell(`the last run failed: ${named(failed)}. timescaledb_information.job_errors tells why`);
  }
  const late = jobs.filter((job) => job.scheduled && (job.late ?? 0) > LATE_S);
  if (late.length > 0) tell(`due for more than an hour: ${named(late)}. ${fix}`);
  if (truncates !== null && truncates !== 'truncate_only') {
    const detail = `timescaledb.compress_truncate_behaviour is ${truncates}: a question that runs while a chunk is packed may count its points twice. Set it to truncate_only`;
    found.push({ severity: 'warning', check: 'settings', detail });
  }
  if (found.length > 0) return found;
  return [{ severity: 'ok', check, detail: `${jobs.length} jobs; none failed` }];
}
