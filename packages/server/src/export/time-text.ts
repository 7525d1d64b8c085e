import { formatTimestamp } from '@pisync/protocol';

const dayMs = 86_400_000;
const twoDigits = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'));

/** Rows are in order of time, so that thousands share a day. */
let lastDay = Number.NaN;
let lastDate = '';

/** The same as `formatTimestamp`, in a fraction of the time where many times of one day come together. */
export function timeText(ms: number): string {
  const day = Math.floor(ms / dayMs);
  if (day !== lastDay) {
    lastDate = formatTimestamp(day * dayMs).slice(0, 11);
    lastDay = day;
  }
  const rest = ms - day * dayMs;
  const seconds = Math.floor(rest / 1000);
  const minutes = Math.floor(seconds / 60);
  const thousandths = rest - seconds * 1000;
  const padding = thousandths < 10 ? '00' : thousandths < 100 ? '0' : '';
  return `${lastDate}${twoDigits[Math.floor(minutes / 60)]}:${twoDigits[minutes % 60]}:${twoDigits[seconds % 60]}.${padding}${thousandths}Z`;
}
