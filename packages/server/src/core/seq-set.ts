/**
 * A set of sequence numbers kept as disjoint, sorted, inclusive ranges `[from, to, from, to, …]`. A device that counts
 * without gaps costs one range, whatever its history; this is the watermark that keeps dedupe for ever.
 */
export type SeqSet = number[];

/** Index of the first range that ends at or after `seq`, times two; `set.length` if none does. */
function rangeAt(set: SeqSet, seq: number): number {
  let low = 0;
  let high = set.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((set[middle * 2 + 1] as number) < seq) low = middle + 1;
    else high = middle;
  }
  return low * 2;
}

/** True if `seq` was added before. */
export function hasSeq(set: SeqSet, seq: number): boolean {
  const at = rangeAt(set, seq);
  return at < set.length && (set[at] as number) <= seq;
}

/** Adds `seq`; false if it was there. O(1) for the next number, O(log n + ranges) otherwise. */
export function addSeq(set: SeqSet, seq: number): boolean {
  const last = set.length - 1;
  if (last > 0 && set[last] === seq - 1) {
    set[last] = seq;
    return true;
  }
  const at = rangeAt(set, seq);
  if (at < set.length && (set[at] as number) <= seq) return false;
  const joinsLeft = at > 0 && set[at - 1] === seq - 1;
  const joinsRight = at < set.length && set[at] === seq + 1;
  if (joinsLeft && joinsRight) set.splice(at - 1, 2);
  else if (joinsLeft) set[at - 1] = seq;
  else if (joinsRight) set[at] = seq;
  else set.splice(at, 0, seq, seq);
  return true;
}
