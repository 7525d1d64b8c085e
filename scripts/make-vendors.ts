/**
 * Writes packages/server/src/adapters/vendors/vendors.bin, the list of who owns which MAC addresses, from the package oui-data.
 * Run it after an update of that package.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, zstdCompressSync } from 'node:zlib';
import { type VendorEntry, writeVendorTable } from '../packages/server/src/core/detections/vendor.ts';

const file = fileURLToPath(new URL('../packages/server/src/adapters/vendors/vendors.bin', import.meta.url));

/** What says nothing: owners who are hidden, and blocks of which only the parts have owners. */
const nobody = new Set(['Private', 'IEEE Registration Authority']);
const maxNameLength = 120;

const list = createRequire(import.meta.url).resolve('oui-data');
const owners = JSON.parse(readFileSync(list, 'utf8')) as Record<string, string>;
const { version } = JSON.parse(readFileSync(join(dirname(list), 'package.json'), 'utf8')) as {
  version: string;
};

const entries: VendorEntry[] = [];
for (const [prefix, owner] of Object.entries(owners)) {
  // The first line is the name, the others are an address.
  const name = (owner.split('\n')[0] ?? '').trim().slice(0, maxNameLength).toWellFormed();
  if (name !== '' && !nobody.has(name)) entries.push({ prefix, name });
}
const frame = zstdCompressSync(writeVendorTable(entries), {
  params: { [constants.ZSTD_c_compressionLevel]: 22, [constants.ZSTD_c_checksumFlag]: 1 },
});
const today = new Date().toISOString().slice(0, 10);
const head = `PiSync vendors 1; IEEE MA-L, MA-M and MA-S registries as of oui-data ${version}; ${entries.length} prefixes; made ${today}\n`;
writeFileSync(file, Buffer.concat([Buffer.from(head), frame]));
process.stdout.write(`${head}${head.length + frame.length} bytes\n`);
