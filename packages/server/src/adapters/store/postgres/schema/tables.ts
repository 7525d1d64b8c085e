import { detectionTables } from './detection-tables.ts';
import { eventTables } from './event-tables.ts';
import { hypertableStatements } from './layout/hypertables.ts';
import type { Layout } from './layout/layout.ts';
import { policyTables } from './policy-table.ts';
import { pointBounds, telemetryTables } from './telemetry-tables.ts';

/** The statements that make all tables of a store, in the layout that it is to have. */
export function tablesOf(layout: Layout): readonly string[] {
  if (layout.kind === 'partitions')
    return [...eventTables, ...telemetryTables, ...pointBounds, ...detectionTables, ...policyTables];
  const tables = [...eventTables, ...telemetryTables, ...detectionTables, ...policyTables];
  return [...tables.map(unpartitioned), ...hypertableStatements(layout)];
}

/** Hypertables are made of plain tables. */
function unpartitioned(statement: string): string {
  return statement.replace(/ PARTITION BY RANGE \(\w+\)$/, '');
}
