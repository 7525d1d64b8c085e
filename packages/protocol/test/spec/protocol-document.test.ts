import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorCatalogue } from '../../src/errors.ts';
import { wireNames } from '../../src/event/sync-event-fields.ts';

const document = readFileSync(new URL('../../../../docs/spec/protocol.md', import.meta.url), 'utf8');

/** Cells of all table rows whose first cell is a name in code style, within one section. */
function rows(section: string): string[][] {
  const start = document.indexOf(`\n## ${section}\n`);
  assert.ok(start >= 0, `no section ${section}`);
  const end = document.indexOf('\n## ', start + 1);
  return document
    .slice(start, end < 0 ? undefined : end)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

test('the table of error codes is the catalogue, both ways', () => {
  const documented = rows('Errors').map(([code, kind, title]) => [code?.replaceAll('`', ''), kind, title]);
  const catalogue = Object.entries(errorCatalogue).map(([code, { kind, title }]) => [code, kind, title]);
  assert.deepEqual(documented.sort(), catalogue.sort());
});

test('the table of members is what the decoder knows, both ways', () => {
  const documented = rows('A sync event').map(([name]) => name?.replaceAll('`', ''));
  assert.deepEqual(documented.sort(), [...wireNames].sort());
});
