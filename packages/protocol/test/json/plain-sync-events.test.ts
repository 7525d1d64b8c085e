import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeSyncEvent } from '../../src/event/decode-sync-event.ts';
import { readPlainSyncEvent } from '../../src/event/plain-sync-event.ts';
import type { RawItem } from '../../src/json/item-reader.ts';
import { ItemSplitter } from '../../src/json/item-splitter.ts';
import { parseJsonDocument } from '../../src/json/json-document.ts';
import { arbitrarySyncEvent, wireForm } from '../event/arbitrary-sync-event.ts';

const numRuns = Number(process.env['PISYNC_PROPERTY_RUNS'] ?? 2000);
const limits = { maxItems: 10_000, maxItemBytes: 1000, maxDepth: 32 };

/** Texts of values that are near to what the plain reader takes, on both sides. */
const nearValue = fc.constantFrom(
  ...[
    '0',
    '00',
    '01',
    '-0',
    '-1',
    '1.50',
    '0.1',
    '1.',
    '.5',
    '1e3',
    '1E400',
    '123456789012345',
    '1234567890123456',
  ],
  ...['9007199254740993', '0.000000000000001', '12345678.12345678', 'null', 'true', '{}', '[]', '""', '"1"'],
  ...['"\\u0041"', '"\\""', '"é"', '"a b"', '"\u007f"', '"\t"', '"a', '"sync_event"', '"telemetry"', '"a:b"'],
  ...['"2026-02-30T00:00:00Z"', '"2026-02-28T23:59:59.9999+05:30"', '"2026-02-28"', '253402300800000', '1.5'],
);
const nearName = fc.constantFrom(
  ...[
    'device_id',
    'deviceId',
    'total_files_synced',
    'totalErrors',
    'timestamp',
    'sentAt',
    'kind',
    'epoch',
    'seq',
  ],
  ...['event_id', 'internet_speed', 'bytesSynced', 'sync_status', 'metadata', 'other', 'device\\u005fid', ''],
);
const space = fc.constantFrom('', '', ' ', '  ', '\n', '\t');

/** An event that is mostly of the usual shape. */
const usualEvent = fc
  .tuple(arbitrarySyncEvent, fc.nat({ max: 100_000 }), fc.nat({ max: 5 }))
  .map(([event, tenths, luck]) =>
    luck === 0
      ? event
      : {
          ...event,
          metadata: null,
          eventId: event.eventId?.replace(/[^\x20-\x7e]/gu, '_') ?? null,
          internetSpeed: event.internetSpeed === null ? null : tenths / 10,
          deviceTime: event.deviceTime === null ? null : Math.abs(event.deviceTime),
          sentAt: event.sentAt === null ? null : Math.abs(event.sentAt),
          totalFilesSynced: event.totalFilesSynced % 1e6,
          totalErrors: event.totalErrors % 100,
          bytesSynced: event.bytesSynced === null ? null : event.bytesSynced % 1e12,
        },
  );

/** An item's text: an event with members in any order, some of them replaced or added, now and then cut or disturbed. */
const itemText = fc
  .tuple(
    usualEvent,
    fc.constantFrom('snake' as const, 'camel' as const),
    fc.oneof(fc.constant([]), fc.array(fc.tuple(nearName, nearValue), { maxLength: 2 })),
    fc.infiniteStream(fc.nat({ max: 1000 })),
    space,
    fc.option(fc.nat({ max: 400 }), { freq: 6 }),
  )
  .map(([event, spelling, near, numbers, gap, cut]) => {
    const members = Object.entries(wireForm(event, spelling)).map(([name, value]) => [
      name,
      JSON.stringify(value),
    ]);
    for (const [name, value] of near) {
      const place = members.findIndex(([known]) => known === name);
      members.splice(place < 0 ? members.length : place, place < 0 ? 0 : 1, [name, value]);
    }
    const order = new Map(members.map((member) => [member, numbers.next().value as number]));
    members.sort((a, b) => (order.get(a) as number) - (order.get(b) as number));
    const text = `{${gap}${members.map(([name, value]) => `"${name}"${gap}:${gap}${value}`).join(`${gap},${gap}`)}${gap}}`;
    return cut === null ? text : text.slice(0, cut) + text.slice(cut + 1);
  });

function split(body: Uint8Array, format: 'array' | 'ndjson', chunk: number, decodePlain: boolean) {
  const splitter = new ItemSplitter({ ...limits, format, decodePlain });
  const items: RawItem[] = [];
  for (let at = 0; at < body.length; at += chunk) items.push(...splitter.push(body.subarray(at, at + chunk)));
  const end = splitter.end();
  return { items: [...items, ...end.items], broken: end.broken };
}

/** What becomes of an item, by whichever way it came. */
function outcome({ index, event, value, problem }: RawItem): unknown {
  if (event !== undefined) return { index, problem, decoded: { ok: true, event } };
  return { index, problem, decoded: problem === undefined ? decodeSyncEvent(value) : undefined };
}

describe('events of the usual shape', () => {
  test('are read as the general way reads them, in arrays and lines, for any chunks', () => {
    let plain = 0;
    let all = 0;
    fc.assert(
      fc.property(
        fc.array(itemText, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('array' as const, 'ndjson' as const),
        fc.oneof(fc.integer({ min: 1, max: 400 }), fc.constant(1_000_000)),
        (texts, format, chunk) => {
          const joined =
            format === 'array'
              ? `[${texts.join(',')}]`
              : texts.map((text) => text.replaceAll('\n', ' ')).join('\n');
          const body = new TextEncoder().encode(joined);
          const fast = split(body, format, chunk, true);
          const slow = split(body, format, chunk, false);
          assert.deepEqual(fast.items.map(outcome), slow.items.map(outcome));
          assert.deepEqual(fast.broken, slow.broken);
          plain += fast.items.filter(({ event }) => event !== undefined).length;
          all += fast.items.length;
        },
      ),
      { numRuns },
    );
    assert.ok(plain > all / 20 && plain < (all * 4) / 5, `${plain} of ${all} are plain`);
  });

  test('are read alone as the general way reads them, or left to it', () => {
    fc.assert(
      fc.property(itemText, space, (text, gap) => {
        const body = new TextEncoder().encode(text + gap);
        const event = readPlainSyncEvent(body);
        if (event === undefined) return;
        const parsed = parseJsonDocument(body, { maxDepth: 32 });
        assert.ok(parsed.ok);
        assert.deepEqual({ ok: true, event }, decodeSyncEvent(parsed.value));
      }),
      { numRuns },
    );
  });

  test('that are larger than an item may be are refused as any other', () => {
    const id = 'x'.repeat(100);
    const body = new TextEncoder().encode(`[{"device_id":"${id}","total_files_synced":1,"total_errors":0}]`);
    const splitter = new ItemSplitter({ ...limits, maxItemBytes: 100, format: 'array', decodePlain: true });
    assert.deepEqual(
      splitter.push(body).map((item) => item.problem?.code),
      ['item_too_large'],
    );
  });

  test('keep nothing of a body that came before', () => {
    const first = new TextEncoder().encode(
      '{"device_id":"a","epoch":"e1","seq":1,"total_files_synced":1,"total_errors":0}',
    );
    const second = new TextEncoder().encode('{"device_id":"b","total_files_synced":2,"total_errors":0}');
    assert.equal(readPlainSyncEvent(first)?.epoch, 'e1');
    const event = readPlainSyncEvent(second);
    assert.deepEqual(
      [event?.deviceId, event?.epoch, event?.seq, event?.totalFilesSynced],
      ['b', null, null, 2],
    );
    // The place where the last event ended must not make a broken one look whole.
    assert.equal(readPlainSyncEvent(second.subarray(0, second.length - 1)), undefined);
  });
});
