import type { Database } from './database.ts';

/** Gauges of a store in PostgreSQL, as docs/spec/postgres.md describes them. The names are always the same. */
export function storeGauges({ poolUse, replicas }: Database): Readonly<Record<string, number>> {
  const { query, report } = poolUse;
  return {
    query_connections: query.open,
    query_connections_idle: query.idle,
    queries_waiting: query.waiting,
    report_connections: report.open,
    report_connections_idle: report.idle,
    reports_waiting: report.waiting,
    replicas: replicas?.all.length ?? 0,
    replicas_healthy: replicas?.healthy ?? 0,
    replica_lag_ms: Math.round(replicas?.lagMs ?? 0),
  };
}
