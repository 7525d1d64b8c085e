import { type LoadResult, runClosedLoop } from '../load/closed-loop.ts';
import type { BenchContext } from './bench-context.ts';
import type { Goal, Row } from './scenario.ts';
import { short } from './statistics.ts';

/** A kind of question, of which many are asked. */
export interface Question {
  readonly id: string;
  readonly label: string;
  /** For the 95th percentile, in milliseconds; null for a row that is shown for its own sake. */
  readonly goal: Goal | null;
  /** The next request, whole. */
  request(): string;
  /** Bytes that an answer holds at least: one with nothing in it would be fast. */
  readonly leastBytes?: number;
}

/** How much is asked. */
export interface Asking {
  readonly url: string;
  readonly connections: number;
  /** Besides a tenth as many, at least ten, that warm up and do not count. */
  readonly requests: number;
}

/** A GET request for {@link Question.request}. */
export function getRequest(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: bench\r\n\r\n`;
}

/**
 * Asks a question many times; the row is the 95th percentile.
 *
 * @throws {Error} where an answer is not as it must be
 */
export async function askMany(context: BenchContext, question: Question, asking: Asking): Promise<Row> {
  await ask(question, { ...asking, requests: Math.max(10, Math.ceil(asking.requests / 10)) });
  const { errors, firstError, latency, seconds } = await ask(question, asking);
  if (errors > 0) throw new Error(`${question.label}: ${errors} errors: ${firstError}`);
  context.details[`question: ${question.label}`] = latency.summary();
  const p95 = latency.quantile(0.95);
  context.say(`  ${question.label}: p95 ${short(p95)} ms`);
  return {
    id: question.id,
    label: `${question.label}: p95`,
    value: p95,
    unit: 'ms',
    goal: question.goal,
    note: `p50 ${short(latency.quantile(0.5))} ms, max ${short(latency.max)} ms, ${short(asking.requests / seconds)}/s`,
  };
}

function ask({ request, leastBytes = 0 }: Question, asking: Asking): Promise<LoadResult> {
  let left = asking.requests;
  return runClosedLoop({
    url: asking.url,
    connections: asking.connections,
    next: () => (left-- > 0 ? request() : null),
    accept: (status, connection) => status === 200 && connection.reader.body.length >= leastBytes,
  });
}
