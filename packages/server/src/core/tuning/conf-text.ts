import type { TunedFile } from './setting.ts';

/** Longest line of a comment. */
const width = 110;

/**
 * A configuration file as text. Each setting stands under its reason; lines end with a line feed. Comments are
 * `#` for PostgreSQL and `;` for PgBouncer, always on lines of their own, because PgBouncer knows no other.
 */
export function confText({ name, heading, groups }: TunedFile): string {
  const mark = name === 'pgbouncer.ini' ? ';' : '#';
  const lines = heading.flatMap((paragraph) => commentLines(paragraph, mark));
  for (const { title, settings } of groups) {
    lines.push('', title.startsWith('[') ? title : `${mark} --- ${title} ---`);
    for (const { name: key, value, reason } of settings) {
      lines.push('', ...commentLines(reason, mark), `${key} = ${value}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function commentLines(paragraph: string, mark: string): readonly string[] {
  const lines: string[] = [];
  let line = mark;
  for (const word of paragraph.split(' ')) {
    if (line.length + 1 + word.length > width && line !== mark) {
      lines.push(line);
      line = mark;
    }
    line = `${line} ${word}`;
  }
  return [...lines, line];
}
