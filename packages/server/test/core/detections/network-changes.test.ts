import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { shuffled } from '../../../src/conformance/make-events.ts';
import type { NetworkVariant } from '../../../src/core/detections/networks/network.ts';
import { compareVariants, networkChanges } from '../../../src/core/detections/networks/network-changes.ts';

const key = { type: 'wifi', identity: '00:1A:2B:3C:4D:5E' } as const;

function variant(
  firstSeenAt: number,
  lastSeenAt: number,
  name: string | null,
  security: string | null = null,
): NetworkVariant {
  return { name, security, firstSeenAt, lastSeenAt, detections: 1 };
}

function told(...variants: readonly NetworkVariant[]): string[] {
  return networkChanges(key, variants).map(
    ({ kind, timestamp, name, security, before }) =>
      `${timestamp} ${kind} ${name}/${security} was ${before === null ? 'new' : `${before.name}/${before.security}`}`,
  );
}

describe('what changed of a network', () => {
  test('is its first sight, then each new name and each new security', () => {
    assert.deepEqual(told(variant(1, 9, 'a', 'wpa2')), ['1 new_network a/wpa2 was new']);
    assert.deepEqual(told(variant(1, 4, 'a', 'wpa2'), variant(5, 9, 'b', 'open')), [
      '1 new_network a/wpa2 was new',
      '5 name_changed b/open was a/wpa2',
      '5 security_changed b/open was a/wpa2',
    ]);
    assert.deepEqual(told(variant(1, 4, 'a', 'wpa2'), variant(5, 9, 'a', 'open')), [
      '1 new_network a/wpa2 was new',
      '5 security_changed a/open was a/wpa2',
    ]);
  });

  test('is not what was not known, or was known before', () => {
    assert.deepEqual(told(variant(1, 4, null), variant(5, 9, 'a', 'wpa2'), variant(7, 8, null, 'wpa2')), [
      '1 new_network null/null was new',
    ]);
    assert.deepEqual(
      told(variant(1, 9, 'a', 'wpa2'), variant(3, 4, 'b', 'wpa2'), variant(6, 7, 'b'), variant(8, 8, 'a')),
      ['1 new_network a/wpa2 was new', '3 name_changed b/wpa2 was a/wpa2'],
    );
  });

  test('is told beside what was seen last before it', () => {
    const last = (...variants: readonly NetworkVariant[]) => told(...variants).at(-1);
    assert.equal(
      last(variant(1, 20, 'a'), variant(3, 4, 'b'), variant(9, 9, 'c')),
      '9 name_changed c/null was a/null',
    );
    assert.equal(
      last(variant(1, 6, 'a'), variant(3, 4, 'b'), variant(9, 9, 'c')),
      '9 name_changed c/null was a/null',
    );
    assert.equal(
      last(variant(1, 3, 'a'), variant(3, 4, 'b'), variant(9, 9, 'c')),
      '9 name_changed c/null was b/null',
    );
    assert.equal(
      last(variant(1, 20, 'a'), variant(3, 9, 'b'), variant(9, 9, 'c')),
      '9 name_changed c/null was b/null',
    );
    assert.equal(last(variant(1, 1, 'a'), variant(1, 1, 'b')), '1 name_changed b/null was a/null');
  });

  test('depends on the variants only, and is what the rule says word by word', () => {
    const text = fc.constantFrom(null, 'a', 'b', 'c');
    const anyVariant = fc
      .tuple(fc.nat({ max: 6 }), fc.nat({ max: 6 }), text, text)
      .map(([first, length, name, security]) => variant(first, first + length, name, security));
    const anyVariants = fc.uniqueArray(anyVariant, {
      maxLength: 12,
      selector: ({ name, security }) => `${name}/${security}`,
    });
    fc.assert(
      fc.property(anyVariants, fc.nat(), (variants, seed) => {
        assert.deepEqual(told(...shuffled(variants, seed)), wordByWord(variants));
      }),
      { numRuns: 500 },
    );
  });
});

/** The rule, without regard to speed. */
function wordByWord(variants: readonly NetworkVariant[]): string[] {
  const sorted = variants.toSorted(compareVariants);
  const lines: string[] = [];
  for (const [at, one] of sorted.entries()) {
    const shown = `${one.name}/${one.security}`;
    if (at === 0) lines.push(`${one.firstSeenAt} new_network ${shown} was new`);
    for (const field of ['name', 'security'] as const) {
      const earlier = sorted.slice(0, at).filter((each) => each[field] !== null);
      if (one[field] === null || earlier.length === 0) continue;
      if (earlier.some((each) => each[field] === one[field])) continue;
      const until = (each: NetworkVariant) => Math.min(each.lastSeenAt, one.firstSeenAt);
      const latest = Math.max(...earlier.map(until));
      const before = earlier.findLast((each) => until(each) === latest) as NetworkVariant;
      lines.push(`${one.firstSeenAt} ${field}_changed ${shown} was ${before.name}/${before.security}`);
    }
  }
  return lines;
}
