/** The lengths of the prefixes that the IEEE gives out, in bits: MA-S, MA-M and MA-L; the longest that fits is the right one. */
const prefixBits = [36, 28, 24] as const;

/** Who owns which addresses, in about a megabyte. Made by {@link readVendorTable}. */
export interface VendorTable {
  /** By the place of their length in `prefixBits`: sorted prefixes, and for each the index of its name. */
  readonly sections: readonly { readonly prefixes: Float64Array; readonly names: Uint16Array }[];
  /** Names as UTF-8, one behind the other. */
  readonly text: Uint8Array;
  /** Where each name begins in `text`; one more for the end. */
  readonly starts: Uint32Array;
}

/** One prefix in hexadecimal digits, six, seven or nine of them, and whom it was given to. */
export interface VendorEntry {
  readonly prefix: string;
  readonly name: string;
}

const utf8 = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Writes a table: for each length of prefixes (36, 28, 24 bits) their number, their distances, then the indexes of their
 * names; then the number of names, their lengths, and the names. All numbers are LEB128.
 *
 * @param entries - one for each prefix
 * @throws {TypeError} where a prefix is none or comes twice
 */
export function writeVendorTable(entries: readonly VendorEntry[]): Uint8Array {
  const names = [...new Set(entries.map(({ name }) => name))].sort();
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const out: number[] = [];
  for (const bits of prefixBits) {
    const section = entries
      .filter(({ prefix }) => prefix.length * 4 === bits)
      .map(({ prefix, name }) => ({ value: Number.parseInt(prefix, 16), name }))
      .sort((a, b) => a.value - b.value);
    putNumber(out, section.length);
    let before = -1;
    for (const { value } of section) {
      if (!(value > before)) throw new TypeError('a prefix is no number, or comes twice');
      putNumber(out, value - before - 1);
      before = value;
    }
    for (const { name } of section) putNumber(out, indexOf.get(name) as number);
  }
  const texts = names.map((name) => utf8.encode(name));
  putNumber(out, texts.length);
  for (const text of texts) putNumber(out, text.length);
  for (const text of texts) for (const byte of text) out.push(byte);
  return Uint8Array.from(out);
}

/** Reads what {@link writeVendorTable} wrote. */
export function readVendorTable(bytes: Uint8Array): VendorTable {
  const reader = { bytes, at: 0 };
  const sections = prefixBits.map(() => {
    const count = takeNumber(reader);
    const prefixes = new Float64Array(count);
    let before = -1;
    for (let at = 0; at < count; at += 1) {
      before += takeNumber(reader) + 1;
      prefixes[at] = before;
    }
    const names = Uint16Array.from({ length: count }, () => takeNumber(reader));
    return { prefixes, names };
  });
  const count = takeNumber(reader);
  const starts = new Uint32Array(count + 1);
  for (let at = 0; at < count; at += 1) starts[at + 1] = (starts[at] as number) + takeNumber(reader);
  return { sections, text: bytes.slice(reader.at), starts };
}

/**
 * Whom the IEEE gave a MAC address to.
 *
 * @param mac - in the stored spelling, `00:1A:2B:3C:4D:5E`; anything else, such as a cell, has no vendor
 * @returns null where nobody is known, and for addresses that a device made up for itself (locally administered)
 */
export function vendorOf(table: VendorTable, mac: string): string | null {
  if (mac.length !== 17 || mac[2] !== ':') return null;
  const value = Number.parseInt(
    mac.slice(0, 2) + mac.slice(3, 5) + mac.slice(6, 8) + mac.slice(9, 11) + mac.slice(12, 14),
    16,
  );
  // Bit 1 of the first byte tells who chose the address.
  if (Number.isNaN(value) || Math.floor(value / 2 ** 33) % 2 === 1) return null;
  for (const [place, bits] of prefixBits.entries()) {
    const section = table.sections[place];
    if (section === undefined) continue;
    const found = find(section.prefixes, Math.floor(value / 2 ** (40 - bits)));
    if (found === -1) continue;
    const name = section.names[found] as number;
    return decoder.decode(table.text.subarray(table.starts[name], table.starts[name + 1]));
  }
  return null;
}

/** Place of a value in sorted ones, -1 where it is not there. */
function find(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const at = sorted[middle] as number;
    if (at === value) return middle;
    if (at < value) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

function putNumber(out: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  out.push(rest);
}

function takeNumber(reader: { readonly bytes: Uint8Array; at: number }): number {
  let value = 0;
  for (let weight = 1; ; weight *= 128) {
    const byte = reader.bytes[reader.at++] ?? 0;
    value += (byte % 128) * weight;
    if (byte < 128) return value;
  }
}
