/** A finite number without an exponent, exactly: the decimals of XML Schema have none, and not every reader of CSV takes one. */
export function decimal(value: number): string {
  const text = String(value);
  const parts = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (parts === null) return text;
  const [, sign = '', whole = '', fraction = ''] = parts;
  const power = Number(parts[4]);
  const digits = whole + fraction;
  if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${digits}`;
  return sign + digits.padEnd(power + 1, '0');
}
