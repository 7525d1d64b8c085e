import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { decodeEnvelope } from '../../src/event/decode-envelope.ts';
import { decodeSyncEvent } from '../../src/event/decode-sync-event.ts';
import { maxTimestamp, minTimestamp } from '../../src/event/timestamp.ts';
import { deviceEnvelope, syncEventRequest } from '../../src/schemas/index.ts';
import { arbitrarySyncEvent, wireForm } from '../event/arbitrary-sync-event.ts';

const ajv = new Ajv2020({ strict: false, strictNumbers: true });
const validEvent = ajv.compile(syncEventRequest);
const validEnvelope = ajv.compile(deviceEnvelope);

const names = Object.keys(syncEventRequest.properties);

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('', 'NaN', '1', 'sync_event', 'a b', '-a', 'a/b', '\ud800', 'a\u0085', 'x'.repeat(128)),
  fc.constantFrom(
    'x'.repeat(129),
    'x'.repeat(200),
    'x'.repeat(201),
    '\u{1F600}'.repeat(200),
    'e'.repeat(64),
    'e'.repeat(65),
  ),
);

/** Times that exist, well and badly written. Texts of dates that do not exist are left to the decoder. */
const timeText = fc
  .tuple(
    fc.integer({ min: minTimestamp + 86_400_000, max: maxTimestamp - 86_400_000 }),
    fc.constantFrom('Z', 'z', '+02:00', '-23:59', '', '+24:00', '+0200', ' ', '+02:60'),
    fc.constantFrom('', '.1', '.123456789', '.', ',1'),
    fc.constantFrom('T', 't', ' ', ''),
  )
  .map(
    ([ms, zone, fraction, t]) => new Date(ms).toISOString().slice(0, 19).replace('T', t) + fraction + zone,
  );

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(
    -0,
    -1,
    0.5,
    2 ** 53,
    2 ** 53 - 1,
    1e300,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ),
  fc.constantFrom(minTimestamp, minTimestamp - 0.5, maxTimestamp, maxTimestamp + 0.5, maxTimestamp + 1),
);

const anything = fc.oneof(text, timeText, number, fc.constantFrom(null, true, [], {}, [1]));

const mutation = fc.oneof(
  fc.record({ name: fc.constantFrom(...names), value: anything }),
  fc.record({ name: fc.constantFrom(...names), value: fc.constant(undefined) }),
  fc.record({ name: fc.constantFrom('timestamp', 'sent_at'), value: timeText }),
  fc.record({ name: fc.constantFrom('an unknown field', 'zz'), value: anything }),
);

const mutated = fc
  .tuple(arbitrarySyncEvent, fc.array(mutation, { maxLength: 3 }))
  .map(([event, mutations]) => {
    const wire = wireForm(event, 'snake');
    for (const { name, value } of mutations) {
      if (value === undefined) delete wire[name];
      else wire[name] = value;
    }
    return wire;
  });

/**
 * True where only the decoder can tell: a number that no JSON reader can hold, in a place without a schema, or an unknown
 * field that metadata has, too.
 */
function beyondSchema(wire: Record<string, unknown>): boolean {
  const metadata = Object.hasOwn(wire, 'metadata') ? wire['metadata'] : undefined;
  return Object.entries(wire).some(([name, value]) => {
    if (names.includes(name)) return false;
    const twice = typeof metadata === 'object' && metadata !== null && Object.hasOwn(metadata, name);
    return twice || (typeof value === 'number' && !Number.isFinite(value));
  });
}

/**
 * The decoder and the schema agree, but for what JSON Schema cannot say: dates that do not exist, an offset that leads
 * out of the years 0 to 9999, the size and depth of metadata, numbers too large to hold in places without a schema, an
 * unknown field that metadata has too, and the camelCase spellings.
 */
test('the decoder accepts an event exactly when its schema does', () => {
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(mutated, (wire) => {
      fc.pre(!beyondSchema(wire));
      const decoded = decodeSyncEvent(wire);
      const why = decoded.ok ? ajv.errorsText(validEvent.errors) : decoded.problem.detail;
      assert.equal(decoded.ok, validEvent(wire), `${JSON.stringify(wire)}: ${why}`);
      if (decoded.ok) accepted += 1;
      else refused += 1;
    }),
    { numRuns: 10_000 },
  );
  assert.ok(accepted > 1000 && refused > 1000, `${accepted} accepted, ${refused} refused`);
});

test('the decoder accepts an envelope exactly when its schema does', () => {
  const good = fc.constantFrom<unknown>({ total_files_synced: 1, total_errors: 0, seq: 1 });
  const value = fc.oneof(
    text,
    timeText,
    number,
    fc.constantFrom(null, true, {}),
    fc.array(good, { maxLength: 2 }),
  );
  const whole = fc.constant({ device_id: 'a', epoch: 'e', sent_at: 0, observations: [] as unknown[] });
  const member = fc.constantFrom('device_id', 'epoch', 'sent_at', 'observations', 'other', '__proto__');
  const sample = fc.tuple(whole, fc.array(fc.tuple(member, value), { maxLength: 2 }), fc.boolean());
  fc.assert(
    fc.property(sample, ([base, changes, shorten]) => {
      const members = new Map<string, unknown>([...Object.entries(base), ...changes]);
      if (shorten) members.delete('epoch');
      const wire = Object.fromEntries(members);
      const decoded = decodeEnvelope(wire);
      const why = decoded.ok ? '' : decoded.problem.detail;
      assert.equal(decoded.ok, validEnvelope(wire), `${JSON.stringify(wire)}: ${why}`);
    }),
    { numRuns: 5000 },
  );
});

test('what the schema cannot say is said by the decoder', () => {
  const base = { device_id: 'a', total_files_synced: 1, total_errors: 0 };
  const beyond: Record<string, unknown>[] = [
    { ...base, timestamp: '2026-02-30T00:00:00Z' },
    { ...base, timestamp: '0000-01-01T00:00:00+01:00' },
    { ...base, metadata: { a: 'x'.repeat(20_000) } },
    { ...base, metadata: { a: 1 }, a: 1 },
    { ...base, load: Number.POSITIVE_INFINITY },
    { ...base, deviceId: 'a' },
  ];
  for (const wire of beyond) {
    assert.equal(validEvent(wire), true, JSON.stringify(wire).slice(0, 80));
    assert.equal(decodeSyncEvent(wire).ok, false, JSON.stringify(wire).slice(0, 80));
  }
});
