import type { Session } from '../../connection/session.ts';
import { daysOf, type PolicyName, type PolicyValues } from '../declared-policies.ts';
import type { Hypertables } from './layout.ts';

/** What a job of TimescaleDB does: packs chunks into the columnstore, drops them, or brings sums of hours and days up to date. */
export type JobKind = 'columnstore' | 'retention' | 'refresh';

/** A job that there should be. */
export interface WantedJob {
  /** Hypertable or continuous aggregate. */
  readonly table: string;
  readonly kind: JobKind;
  /** Days after which it does its work; null for `refresh`. */
  readonly days: number | null;
  /** The policy that asks for it. */
  readonly policy: PolicyName;
}

/** A job as TimescaleDB tells it. */
export interface FoundJob {
  readonly id: number;
  readonly table: string;
  readonly kind: JobKind;
  readonly days: number | null;
}

/** One change that brings the jobs nearer to what is declared. */
export interface JobChange {
  readonly policy: PolicyName;
  /** What it does, for people. */
  readonly told: string;
  readonly removes: boolean;
  readonly statement: string;
}

/** What each job is about, in the order in which they are looked after. */
const places = [
  ['events_retention', 'sync_event', 'retention'],
  ['detections_retention', 'detection', 'retention'],
  ['telemetry_seal_after', 'point', 'columnstore'],
  ['telemetry_retention', 'point', 'retention'],
  // What was dropped is not told by its sums either: all layouts answer the same.
  ['telemetry_retention', 'telemetry_hour', 'retention'],
  ['telemetry_retention', 'telemetry_day', 'retention'],
  ['telemetry_sums', 'telemetry_hour', 'refresh'],
  ['telemetry_sums', 'telemetry_day', 'refresh'],
] as const satisfies readonly (readonly [PolicyName, string, JobKind])[];

/** The jobs that declared policies ask for. */
export function wantedJobs(values: PolicyValues): readonly WantedJob[] {
  return places.flatMap(([policy, table, kind]): WantedJob[] => {
    if (kind === 'refresh') return [{ table, kind, days: null, policy }];
    const days = daysOf(values, policy);
    return days === null ? [] : [{ table, kind, days, policy }];
  });
}

/**
 * What makes the jobs be as they are declared. Where they are already, nothing: `add_…_policy(if_not_exists => true)` would leave
 * another interval as it is, so that they are compared here.
 */
export function planJobs(
  wanted: readonly WantedJob[],
  found: readonly FoundJob[],
  { functions }: Pick<Hypertables, 'functions'>,
): readonly JobChange[] {
  const changes: JobChange[] = [];
  for (const job of wanted) {
    const own = found.find(({ table, kind }) => table === job.table && kind === job.kind);
    const { policy } = job;
    if (own === undefined) {
      changes.push({ policy, told: told(job), removes: false, statement: adds(job, functions) });
    } else if (own.days !== job.days) {
      const statement = alters(own.id, job, functions);
      changes.push({ policy, told: `${told(job)}, before it was ${own.days}`, removes: false, statement });
    }
  }
  for (const [policy, table, kind] of places) {
    const isWanted = wanted.some((job) => job.table === table && job.kind === kind);
    if (isWanted || !found.some((job) => job.table === table && job.kind === kind)) continue;
    changes.push({
      policy,
      told: `${kind} of ${table}`,
      removes: true,
      statement: removes(table, kind, functions),
    });
  }
  return changes;
}

function told({ table, kind, days }: WantedJob): string {
  return days === null ? `${kind} of ${table}` : `${kind} of ${table} after ${days} days`;
}

/** Parts of time that go into the configuration of a job. */
const interval = (days: number | null) => `INTERVAL '${days} days'`;

/** The newest stretch is read from the points themselves; all that is older is brought up to date, however late it came. */
const REFRESHED: Readonly<Record<string, string>> = { telemetry_hour: '1 hour', telemetry_day: '1 day' };

function adds({ table, kind, days }: WantedJob, functions: string): string {
  if (kind === 'columnstore') {
    return `CALL ${functions}.add_columnstore_policy('${table}', after => ${interval(days)})`;
  }
  if (kind === 'retention') {
    return `SELECT ${functions}.add_retention_policy('${table}', drop_after => ${interval(days)})`;
  }
  return `SELECT ${functions}.add_continuous_aggregate_policy('${table}', start_offset => NULL,
    end_offset => INTERVAL '${REFRESHED[table]}', schedule_interval => INTERVAL '1 hour')`;
}

/** Name of the interval in the configuration of a job; that of the columnstore is still called as before it had this name. */
const settings = { columnstore: 'compress_after', retention: 'drop_after' } as const;

function alters(id: number, { kind, days }: WantedJob, functions: string): string {
  const setting = settings[kind as keyof typeof settings];
  return `SELECT ${functions}.alter_job(job_id, config => config || jsonb_build_object('${setting}', ${interval(days)}))
    FROM timescaledb_information.jobs WHERE job_id = ${id}`;
}

function removes(table: string, kind: JobKind, functions: string): string {
  if (kind === 'columnstore') return `CALL ${functions}.remove_columnstore_policy('${table}')`;
  if (kind === 'retention') return `SELECT ${functions}.remove_retention_policy('${table}')`;
  return `SELECT ${functions}.remove_continuous_aggregate_policy('${table}')`;
}

/** As `timescaledb_information.jobs` names procedures. */
const procedures = `('policy_compression', 'columnstore'), ('policy_retention', 'retention'),
  ('policy_refresh_continuous_aggregate', 'refresh')`;

/** The jobs of the store of a session, for use in statements: `id`, `table`, `kind`, `days`. */
export const JOBS = `
  SELECT job_id AS id, hypertable_name::text AS "table", kind,
    (extract(epoch FROM coalesce(config ->> 'compress_after', config ->> 'drop_after')::interval) / 86400)::float8 AS days
  FROM timescaledb_information.jobs JOIN (VALUES ${procedures}) AS known (proc_name, kind) USING (proc_name)
  WHERE hypertable_schema = current_schema()`;

export async function findJobs(session: Session): Promise<readonly FoundJob[]> {
  return session.query<FoundJob>(`${JOBS} ORDER BY job_id`);
}

/** For each policy the jobs that follow it, for people. */
export async function jobNotes(session: Session): Promise<ReadonlyMap<PolicyName, string>> {
  const found = await findJobs(session);
  const notes = new Map<PolicyName, string>();
  for (const [policy, table, kind] of places) {
    const job = found.find((one) => one.table === table && one.kind === kind);
    if (job === undefined) continue;
    const before = notes.get(policy);
    notes.set(
      policy,
      before === undefined ? `job ${job.id}` : `${before.replace('job ', 'jobs ')}, ${job.id}`,
    );
  }
  return notes;
}

/** Makes the jobs of a store be as they are declared, in the transaction of the session. @returns what was changed */
export async function settleJobs(
  session: Session,
  layout: Hypertables,
  values: PolicyValues,
): Promise<readonly JobChange[]> {
  const changes = planJobs(wantedJobs(values), await findJobs(session), layout);
  for (const { statement } of changes) await session.query(statement);
  return changes;
}
