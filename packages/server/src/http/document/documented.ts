import * as schemas from '@pisync/protocol/schemas';
import { PROBLEM_TYPE } from '../reply/problem.ts';
import type { MediaBody, PathParameter, ReplyBody, Route, Schema } from '../route.ts';

/** A schema's own examples, by number. */
function withExamples(schema: Schema): MediaBody {
  const given = (schema as { examples?: unknown }).examples;
  if (!Array.isArray(given) || given.length === 0) return { schema };
  const named = given.map(
    (value, at) => [`example-${at + 1}`, { summary: 'Works as it is', value }] as const,
  );
  return { schema, examples: Object.fromEntries(named) };
}

/** A reply in JSON. */
export function jsonReply(schema: Schema, description: string): ReplyBody {
  return { description, content: { 'application/json': withExamples(schema) } };
}

/** An error reply with more in it than a plain problem document. */
export function problemReply(schema: Schema, description: string): ReplyBody {
  return { description, content: { [PROBLEM_TYPE]: withExamples(schema) } };
}

/** A reply in text that has no schema. */
export function textReply(type: string, description: string): ReplyBody {
  return { description, content: { [type]: { schema: { type: 'string' } } } };
}

/** A body in JSON, as one document. */
export function jsonBody(schema: Schema): NonNullable<Route['body']> {
  return { required: true, content: { 'application/json': withExamples(schema) } };
}

/** A body of many sync events. */
export const batchBody: NonNullable<Route['body']> = {
  required: true,
  content: {
    'application/json': withExamples(schemas.syncEventBatch),
    'application/x-ndjson': withExamples(schemas.syncEventLines),
  },
};

/** A body of telemetry. */
export const telemetryBody: NonNullable<Route['body']> = {
  required: true,
  content: {
    'application/json': withExamples(schemas.telemetryBatch),
    'application/x-ndjson': withExamples(schemas.telemetryLines),
  },
};

/** A body of detections. */
export const detectionsBody: NonNullable<Route['body']> = {
  required: true,
  content: {
    'application/json': withExamples(schemas.detectionBatch),
    'application/x-ndjson': withExamples(schemas.detectionLines),
  },
};

/** The `:id` of a device's routes. */
export const deviceIdParameter: Readonly<Record<string, PathParameter>> = {
  id: {
    description: 'Id of the device.',
    schema: { type: 'string', minLength: 1, maxLength: 128 },
    example: 'pibook-0001',
  },
};
