/**
 * A size as PostgreSQL writes it, in the largest unit that holds it without a fraction: `16GB`, `1536MB`, `64kB`.
 * Units are powers of 1024 (PostgreSQL manual, "Parameter Names and Values").
 *
 * @param kb - whole units of 1024 bytes
 */
export function sizeText(kb: number): string {
  if (kb % 1_048_576 === 0 && kb > 0) return `${kb / 1_048_576}GB`;
  if (kb % 1_024 === 0 && kb > 0) return `${kb / 1_024}MB`;
  return `${kb}kB`;
}

/** A size for people, rounded: `34.3 GB`. */
export function roundSize(kb: number): string {
  const [size, unit] = kb >= 1_048_576 ? [kb / 1_048_576, 'GB'] : [kb / 1_024, 'MB'];
  return `${size.toFixed(size >= 100 ? 0 : 1).replace(/\.0$/, '')} ${unit}`;
}
