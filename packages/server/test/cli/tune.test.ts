import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { runCommandLine } from '../../src/cli/program.ts';

/** Runs `pisync tune` with these words. */
async function tune(words: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const code = await runCommandLine(['tune', ...words.split(' ')], {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    environment: {},
  });
  return { code, ...written };
}

const files = { postgresql: 'postgresql.conf', timescaledb: 'timescaledb.conf', pgbouncer: 'pgbouncer.ini' };
const machine = '--ram 64GB --cores 20 --disk ssd';

describe('pisync tune', () => {
  for (const [format, file] of Object.entries(files)) {
    it(`prints the sample ${file} of deploy/`, async () => {
      const { code, stdout, stderr } = await tune(`${machine} --format ${format}`);
      const place = `../../../../deploy/postgres/64gb-20-cores/${file}`;
      assert.equal(stdout, readFileSync(new URL(place, import.meta.url), 'utf8'));
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    });
  }

  it('prints all three files under their names', async () => {
    const { stdout } = await tune(machine);
    const single = await Promise.all(
      Object.entries(files).map(async ([format, file]) => {
        return `# ===== ${file} =====\n${(await tune(`${machine} --format ${format}`)).stdout}`;
      }),
    );
    assert.equal(stdout, single.join('\n'));
  });

  it('gives programs each setting with its value and reason', async () => {
    const { stdout } = await tune(`--ram 1.5TiB --cores 64 --disk nvme --connections 400 --json`);
    const { machine: shown, files: found, memory_kb } = JSON.parse(stdout);
    assert.deepEqual(shown, { ram_mb: 1_572_864, cores: 64, disk: 'nvme' });
    assert.deepEqual(
      found.map(({ file }: { file: string }) => file),
      Object.values(files),
    );
    const settings = found[0].settings as { name: string; value: string; reason: string }[];
    assert.equal(settings.find(({ name }) => name === 'max_connections')?.value, '400');
    for (const { name, value, reason } of found.flatMap((one: { settings: unknown }) => one.settings)) {
      assert.ok(name.length > 0 && value.length > 0 && reason.length > 5);
    }
    assert.equal(memory_kb.shared_buffers, 384 * 1_048_576);
  });

  const wrong: readonly (readonly [words: string, message: RegExp])[] = [
    ['--ram 64 --cores 20 --disk ssd', /--ram.*'64'.*--ram 64GB/],
    ['--ram 512MB --cores 20 --disk ssd', /--ram.*at least 1GB.*defaults/],
    ['--ram much --cores 20 --disk ssd', /--ram.*such as 64GB/],
    ['--ram 99999TB --cores 20 --disk ssd', /--ram.*at most 16TB/],
    ['--cores 20 --disk ssd', /--ram <size>.*not specified/],
    ['--ram 64GB --cores 0 --disk ssd', /--cores.*from 1 to 1024/],
    ['--ram 64GB --cores 2.5 --disk ssd', /--cores.*from 1 to 1024/],
    ['--ram 64GB --cores 20', /--disk <kind>.*not specified/],
    ['--ram 64GB --cores 20 --disk floppy', /--disk.*'floppy'.*hdd, ssd, nvme/],
    ['--ram 64GB --cores 20 --disk ssd --connections 3', /--connections.*from 10 to 10000/],
    ['--ram 2GB --cores 20 --disk ssd --connections 500', /--connections 500.*2 GB.*at most 51.*PgBouncer/],
    ['--ram 64GB --cores 20 --disk ssd --format mysql', /--format.*postgresql, timescaledb, pgbouncer, all/],
  ];
  for (const [words, message] of wrong) {
    it(`explains what is wrong with ${words}`, async () => {
      const { code, stdout, stderr } = await tune(words);
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
      assert.match(stderr, message);
    });
  }
});
