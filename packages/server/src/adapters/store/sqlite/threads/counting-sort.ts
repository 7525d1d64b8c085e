/** Indices in the order of their keys, equal keys in their own order. */
export function countingSort(keys: Int32Array): Uint32Array {
  let largest = 0;
  for (const key of keys) if (key > largest) largest = key;
  const starts = new Uint32Array(largest + 2);
  for (const key of keys) starts[key + 1]! += 1;
  for (let key = 0; key <= largest; key++) starts[key + 1]! += starts[key] as number;
  const sorted = new Uint32Array(keys.length);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] as number;
    sorted[starts[key] as number] = at;
    starts[key]! += 1;
  }
  return sorted;
}
