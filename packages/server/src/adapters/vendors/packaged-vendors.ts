import { readFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { readVendorTable, type VendorTable, vendorOf } from '../../core/detections/vendor.ts';

const newline = 10;

/**
 * Looks addresses up in the list that PiSync ships, `vendors.bin`: a line that names source and date, then a zstd frame of the
 * table. It is read on first use, once, and takes about a megabyte of memory.
 *
 * @returns the name of whom an address was given to; null where nobody is known
 */
export function packagedVendors(): (mac: string) => string | null {
  let table: VendorTable | undefined;
  return (mac) => {
    table ??= load();
    return vendorOf(table, mac);
  };
}

function load(): VendorTable {
  const file = readFileSync(new URL('./vendors.bin', import.meta.url));
  return readVendorTable(zstdDecompressSync(file.subarray(file.indexOf(newline) + 1)));
}
