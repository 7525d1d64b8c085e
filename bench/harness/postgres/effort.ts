import { short } from '../statistics.ts';
import type { BenchPostgres } from './bench-postgres.ts';

/** What some work took. */
export interface Effort {
  /** Items per second. */
  readonly rate: number;
  /** Processor time per item of PostgreSQL, all its processes, and of this process, in microseconds. */
  readonly serverMicros: number;
  readonly clientMicros: number;
}

/** Measures work that this process does by PostgreSQL. */
export async function measureEffort(
  postgres: BenchPostgres,
  items: number,
  work: () => Promise<void>,
): Promise<Effort> {
  const serverBefore = postgres.cpu();
  const clientBefore = process.cpuUsage();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(clientBefore);
  return {
    rate: items / seconds,
    serverMicros: ((postgres.cpu() - serverBefore) * 1e6) / items,
    clientMicros: (user + system) / items,
  };
}

export function effortNote({ rate, serverMicros, clientMicros }: Effort): string {
  return `${short(rate)}/s; µs of processor each: PostgreSQL ${short(serverMicros)}, client ${short(clientMicros)}`;
}

/**
 * Hands out items in their order, always so many at once.
 *
 * @param take - is told which of the places it fills, from 0
 */
export async function eachUnderWay<Item>(
  items: readonly Item[],
  underWay: number,
  take: (item: Item, place: number) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const places = Array.from({ length: underWay }, async (_, place) => {
    for (const item of rest) await take(item, place);
  });
  await Promise.all(places);
}
