const zero = 48;
const space = 32;
const dayMs = 86_400_000;

/** Writes `value` (an integer below 2^31) right-aligned into `width` bytes, filled with zeros. */
export function writeZeroPadded(target: Uint8Array, at: number, value: number, width: number): void {
  let rest = value | 0;
  for (let place = at + width - 1; place >= at; place--) {
    const tens = (rest / 10) | 0;
    target[place] = zero + (rest - tens * 10);
    rest = tens;
  }
}

/** The same, filled with spaces: white space before a number is valid JSON, leading zeros are not. */
export function writeSpacePadded(target: Uint8Array, at: number, value: number, width: number): void {
  let rest = value | 0;
  for (let place = at + width - 1; place >= at; place--) {
    if (rest === 0 && place < at + width - 1) {
      target[place] = space;
      continue;
    }
    const tens = (rest / 10) | 0;
    target[place] = zero + (rest - tens * 10);
    rest = tens;
  }
}

let cachedDay = Number.NaN;
let cachedDayText = new Uint8Array(10);

/** Writes epoch milliseconds as the 24 bytes of `2026-11-20T08:30:00.000Z`. */
export function writeInstant(target: Uint8Array, at: number, epochMs: number): void {
  const day = Math.floor(epochMs / dayMs);
  if (day !== cachedDay) {
    cachedDay = day;
    cachedDayText = Buffer.from(new Date(day * dayMs).toISOString().slice(0, 10), 'latin1');
  }
  for (let index = 0; index < 10; index++) target[at + index] = cachedDayText[index]!;
  const inDay = epochMs - day * dayMs;
  const seconds = (inDay / 1000) | 0;
  const minutes = (seconds / 60) | 0;
  const hours = (minutes / 60) | 0;
  writeZeroPadded(target, at + 11, hours, 2);
  writeZeroPadded(target, at + 14, minutes - hours * 60, 2);
  writeZeroPadded(target, at + 17, seconds - minutes * 60, 2);
  writeZeroPadded(target, at + 20, inDay - seconds * 1000, 3);
}
