import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { decodeDetection } from '../../src/detection/decode-detection.ts';
import { decodeEnvelope } from '../../src/event/decode-envelope.ts';
import { type DecodeContext, decodeSyncEvent } from '../../src/event/decode-sync-event.ts';
import { ItemSplitter } from '../../src/json/item-splitter.ts';
import * as schemas from '../../src/schemas/index.ts';
import { decodeCountedTelemetry } from '../../src/telemetry/decode-counted-telemetry.ts';
import { PointBatchBuilder } from '../../src/telemetry/point-batch-builder.ts';

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true });
ajvFormats.default(ajv);

type AnySchema = Readonly<Record<string, unknown>>;
const all = Object.entries(schemas) as unknown as [string, AnySchema][];

for (const [name, schema] of all) {
  test(`schema ${name} is strict JSON Schema 2020-12, and its examples are valid`, () => {
    const valid = ajv.compile(schema);
    for (const example of (schema['examples'] as unknown[] | undefined) ?? []) {
      assert.equal(valid(example), true, ajv.errorsText(valid.errors));
    }
    assert.equal(typeof schema['title'], 'string');
  });
}

function examplesOf(schema: unknown): unknown[] {
  const { examples } = schema as { examples: unknown[] };
  assert.ok(examples.length > 0);
  return examples;
}

/** Decodes an observation of an envelope as what its `kind` says. */
function assertAccepted(observation: unknown, context: DecodeContext): void {
  const { kind } = observation as { kind?: string };
  if (kind === 'telemetry') {
    const builder = new PointBatchBuilder();
    assert.equal(decodeCountedTelemetry(observation, context, 0, builder).ok, true);
    assert.ok(builder.count > 0);
  } else if (kind === 'detection') {
    assert.equal(decodeDetection(observation, context).ok, true);
  } else {
    assert.equal(decodeSyncEvent(observation, context).ok, true);
  }
}

test('the examples of requests are accepted', () => {
  for (const event of examplesOf(schemas.syncEventRequest)) assert.equal(decodeSyncEvent(event).ok, true);
  for (const batch of examplesOf(schemas.syncEventBatch) as unknown[][]) {
    for (const event of batch) assert.equal(decodeSyncEvent(event).ok, true);
  }
  for (const input of examplesOf(schemas.deviceEnvelope)) {
    const envelope = decodeEnvelope(input);
    assert.ok(envelope.ok);
    for (const each of envelope.observations) assertAccepted(each, envelope.context);
  }
  for (const lines of examplesOf(schemas.syncEventLines) as string[]) {
    const splitter = new ItemSplitter({ format: 'ndjson', maxItems: 10, maxItemBytes: 1000, maxDepth: 5 });
    const items = splitter.push(new TextEncoder().encode(lines));
    assert.equal(items.length, 2);
    for (const item of items) assert.equal(decodeSyncEvent(item.value).ok, true);
  }
  for (const { item } of examplesOf(schemas.replayRequest) as { item: unknown }[]) {
    assert.equal(decodeSyncEvent(item).ok, true);
  }
});

test('replies are closed: a member that is not documented is noticed', () => {
  const valid = ajv.compile(schemas.syncEventReply);
  const [example] = examplesOf(schemas.syncEventReply) as object[];
  assert.equal(valid({ ...example, extra: 1 }), false);
});
