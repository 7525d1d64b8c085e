import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { printable } from '../../src/cli/printable.ts';
import { byteSize, count, duration, relativeTime } from '../../src/cli/readable.ts';
import { pairLines, tableLines } from '../../src/cli/table.ts';
import { Terminal } from '../../src/cli/terminal.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc
    .array(
      fc.constantFrom(
        '\u001b[2J',
        '\u001b]0;x\u0007',
        '\r',
        '\n',
        '\u0000',
        '\u009b',
        '\u202e',
        '\u2028',
        '\ud800',
        'a',
      ),
    )
    .map((parts) => parts.join('')),
);

/** A terminal that keeps what it was told. */
function recorder(
  options: { tty?: boolean; color?: boolean; json?: boolean; environment?: Record<string, string> } = {},
) {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY: options.tty ?? false,
    columns: 40,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const terminal = new Terminal({
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    json: options.json ?? false,
    color: options.color ?? true,
    environment: options.environment ?? {},
  });
  return { terminal, written };
}

describe('text from outside', () => {
  it('never holds a character that a terminal obeys, or that hides or reorders others', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = printable(text);
        assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        assert.equal(shown, stripVTControlCharacters(shown));
      }),
    );
  });

  it('stays as it is where it is harmless', () => {
    for (const text of ['pi-0001', 'Bücherei Süd', '東京', 'Ωmega ✓', '<b>"quoted"</b>'])
      assert.equal(printable(text), text);
  });

  it('shows what it replaced', () => {
    assert.equal(printable('a\u001b[31mb'), 'a\\u{1b}[31mb');
    assert.equal(printable('\u202egpj.exe'), '\\u{202e}gpj.exe');
  });

  it('is cut to the limit', () => {
    assert.equal(printable('x'.repeat(600)).length, 512);
    assert.equal(printable('abcdef', 4), 'abc…');
    assert.equal(printable('abcd', 4), 'abcd');
    assert.ok(printable('\u0000'.repeat(1_000_000), 10).length < 100);
  });
});

describe('tables', () => {
  it('align, whatever the cells hold, with and without colour', () => {
    const cell = anyText.map((text) =>
      printable(text, 20)
        .replaceAll(/[^\x20-\x7e]/g, '?')
        .trim(),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 8 }), (rows) => {
        const columns = [{ title: 'ONE' }, { title: 'TWO', right: true }, { title: 'THREE' }];
        const plain = tableLines(columns, rows, recorder().terminal);
        const painted = tableLines(
          columns,
          rows.map((row) => row.map((text) => ({ text, style: 'bad' as const }))),
          recorder({ tty: true }).terminal,
        );
        assert.equal(plain.length, rows.length + 1);
        const end =
          Math.max(3, ...rows.map(([one]) => one.length)) +
          2 +
          Math.max(3, ...rows.map(([, two]) => two.length));
        for (const [index, [one, two, three]] of rows.entries()) {
          const line = (plain[index + 1] ?? '').padEnd(end);
          assert.ok(line.startsWith(one));
          assert.ok(line.slice(0, end).endsWith(two));
          assert.equal(line.slice(end).trim(), three);
        }
        assert.deepEqual(
          painted.map((line) => stripVTControlCharacters(line).trimEnd()),
          plain.map((line) => line.trimEnd()),
        );
      }),
    );
  });

  it('give wide characters two cells', () => {
    const lines = tableLines(
      [{ title: 'A' }, { title: 'B' }],
      [
        ['東京', 'x'],
        ['abcd', 'y'],
      ],
      recorder().terminal,
    );
    assert.deepEqual(lines, ['A     B', '東京  x', 'abcd  y']);
  });

  it('list pairs', () => {
    assert.deepEqual(
      pairLines(
        [
          ['a', '1'],
          ['long', '2'],
        ],
        recorder().terminal,
      ),
      ['a     1', 'long  2'],
    );
  });
});

describe('the terminal', () => {
  it('paints on a terminal only, and never against the wish of the user', () => {
    const painted = (options: Parameters<typeof recorder>[0]): boolean =>
      recorder(options).terminal.paint('bad', 'x').includes('\u001b');
    assert.ok(painted({ tty: true }));
    assert.ok(!painted({ tty: false }));
    assert.ok(!painted({ tty: true, color: false }));
    assert.ok(!painted({ tty: true, json: true }));
    assert.ok(!painted({ tty: true, environment: { NO_COLOR: '1' } }));
    assert.ok(!painted({ tty: true, environment: { TERM: 'dumb' } }));
    assert.ok(painted({ tty: true, environment: { NO_COLOR: '' } }));
  });

  it('repaints one line on a terminal, and clears it before anything else', () => {
    const { terminal, written } = recorder({ tty: true });
    terminal.status('x'.repeat(100));
    terminal.line('result');
    assert.equal(written.stderr, `\r\u001b[2K${'x'.repeat(39)}\r\u001b[2K`);
    assert.equal(written.stdout, 'result\n');
    const pipe = recorder();
    pipe.terminal.status('x');
    pipe.terminal.line('result');
    assert.equal(pipe.written.stderr, '');
  });

  it('writes one line of JSON to a pipe', () => {
    const { terminal, written } = recorder({ json: true });
    terminal.result({ a: [1, 2] });
    assert.equal(written.stdout, '{"a":[1,2]}\n');
  });
});

describe('readable numbers', () => {
  it('tell times relative to now', () => {
    const now = Date.parse('2026-06-01T12:00:00Z');
    const cases: [string | null, string][] = [
      [null, 'never'],
      ['nonsense', '?'],
      ['2026-06-01T11:59:55Z', 'just now'],
      ['2026-06-01T11:59:00Z', '60 s ago'],
      ['2026-06-01T11:57:00Z', '3 min ago'],
      ['2026-06-01T09:00:00Z', '3 h ago'],
      ['2026-05-01T12:00:00Z', '31 d ago'],
      ['2026-06-01T14:30:00Z', 'in 2 h'],
    ];
    for (const [time, said] of cases) assert.equal(relativeTime(time, now), said);
  });

  it('tell sizes, spans and counts', () => {
    assert.equal(byteSize(0), '0 B');
    assert.equal(byteSize(1_023), '1023 B');
    assert.equal(byteSize(1_536), '1.5 KiB');
    assert.equal(byteSize(200 * 1024 ** 3), '200 GiB');
    assert.equal(duration(12), '12 ms');
    assert.equal(duration(65_000), '65 s');
    assert.equal(count(1_234_567), '1,234,567');
  });
});
