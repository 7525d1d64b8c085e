import type { Style, Terminal } from './terminal.ts';

/** One cell: text that is already printable, and how to paint it. */
export interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
}

export interface Column {
  readonly title: string;
  /** Numbers stand right. */
  readonly right?: boolean;
}

/**
 * Lines of an aligned table with a heading. Widths are counted before colour is added, so colour never shifts a
 * column; the last column is not padded.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly (Cell | string)[])[],
  terminal: Terminal,
): string[] {
  const cells = rows.map((row) =>
    row.map((cell): Cell => (typeof cell === 'string' ? { text: cell } : cell)),
  );
  const widths = columns.map((column, index) =>
    cells.reduce((widest, row) => Math.max(widest, width(row[index]?.text ?? '')), width(column.title)),
  );
  const heading = columns.map((column): Cell => ({ text: column.title, style: 'quiet' }));
  return [heading, ...cells].map((row) => {
    const parts = columns.map((column, index) => {
      const cell = row[index] ?? { text: '' };
      const gap = ' '.repeat((widths[index] ?? 0) - width(cell.text));
      const painted = cell.style === undefined ? cell.text : terminal.paint(cell.style, cell.text);
      if (column.right === true) return gap + painted;
      return index === columns.length - 1 ? painted : painted + gap;
    });
    return parts.join('  ').trimEnd();
  });
}

/** Lines of `name  value` pairs, aligned. */
export function pairLines(
  pairs: readonly (readonly [name: string, value: string])[],
  terminal: Terminal,
): string[] {
  const widest = Math.max(0, ...pairs.map(([name]) => width(name)));
  return pairs.map(([name, value]) => `${terminal.paint('quiet', name.padEnd(widest))}  ${value}`);
}

/** Character cells that a text takes; ideographs and emoji take two. */
function width(text: string): number {
  let cells = 0;
  for (const point of text) {
    if (/\p{Mn}/u.test(point)) continue;
    cells +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        point,
      )
        ? 2
        : 1;
  }
  return cells;
}
