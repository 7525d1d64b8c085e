const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `just now`, `3 min ago`, `in 2 h`, `5 d ago`; `never` for null and `?` for what is no time. */
export function relativeTime(time: string | number | null | undefined, now: number): string {
  if (time === null || time === undefined) return 'never';
  const at = typeof time === 'number' ? time : Date.parse(time);
  if (Number.isNaN(at)) return '?';
  const distance = Math.abs(now - at);
  if (distance < 10_000) return 'just now';
  const amount = duration(distance);
  return at > now ? `in ${amount}` : `${amount} ago`;
}

/** A span in its largest sensible unit: `45 s`, `12 min`, `30 h`, `12 d`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 2 * minute) return `${Math.floor(milliseconds / 1_000)} s`;
  if (milliseconds < 2 * hour) return `${Math.floor(milliseconds / minute)} min`;
  if (milliseconds < 2 * day) return `${Math.floor(milliseconds / hour)} h`;
  return `${Math.floor(milliseconds / day)} d`;
}

/** `1234567` → `1,234,567`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1536` → `1.5 KiB`. */
export function byteSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
