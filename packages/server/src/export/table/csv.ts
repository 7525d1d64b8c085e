import type { ExportContext, ExportWriter } from '../export-format.ts';
import { textWriter } from '../text-stream.ts';
import { timeText } from '../time-text.ts';
import { type Column, isText } from './column.ts';
import { csvField, plainText } from './csv-text.ts';

/** RFC 4180 has no place for control characters but the ends of lines; tabs are common. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

/** Texts that stand in CSV as they are; most do. */
const usual = /^[0-9A-Za-z[](?:[ -!#-+\--~]*[!#-+\--~])?$/;

/**
 * CSV by RFC 4180 with a header, in UTF-8. Empty is "not known". Times are RFC 3339 in UTC. Texts that start like a formula are made
 * plain as {@link plainText} says; control characters become U+FFFD, for a terminal would obey them.
 */
export function csvWriter<T>(columnsOf: (context: ExportContext) => readonly Column<T>[]): ExportWriter<T> {
  return textWriter((context) => {
    const columns = columnsOf(context);
    const first = columns[0] as Column<T>;
    const others = columns.slice(1);
    return {
      head: `${columns.map(({ name }) => name).join(',')}\r\n`,
      row(item) {
        let row = cell(first, item);
        for (const column of others) row += `,${cell(column, item)}`;
        return `${row}\r\n`;
      },
      tail: () => '',
    };
  });
}

function cell<T>(column: Column<T>, item: T): string {
  if (isText(column)) {
    const text = column.get(item);
    if (text === null || usual.test(text)) return text ?? '';
    return csvField(plainText(text.replace(control, '\ufffd')));
  }
  const value = column.get(item);
  if (value === null) return '';
  return column.kind === 'time' ? timeText(value) : String(value);
}
