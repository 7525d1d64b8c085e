import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type FleetEvent, fleetEvents } from '../../src/cli/simulate/fleet.ts';
import { Ledger } from '../../src/cli/simulate/ledger.ts';
import { LedgerFile } from '../../src/cli/simulate/ledger-file.ts';
import { readLedger } from '../../src/cli/verify/ledger-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'pisync-ledger-'));
const path = join(folder, 'ledger.ndjson');
after(() => rmSync(folder, { recursive: true }));

const plan = { seed: 'l', devices: 3, events: 2000, startMs: 1.7e12, stepMs: 10, failures: 0.2 };
const events = [...fleetEvents({ ...plan, clockFaults: 0, duplicates: 0, shuffle: 0, backlog: 0 })];

async function lines(): Promise<readonly (readonly [number | null, boolean])[]> {
  const all: (readonly [number | null, boolean])[] = [];
  for await (const { event, acknowledged } of readLedger(path, () => true))
    all.push([event.totalFilesSynced, acknowledged]);
  return all;
}

describe('the ledger of a simulated fleet', () => {
  it('holds what was acknowledged and what had no answer, and nothing else', async () => {
    const file = new LedgerFile(path);
    const ledger = new Ledger(3, file);
    const [stored, known, refused, other, lost, never] = events as FleetEvent[];
    ledger.enter(stored!, 'stored', false);
    ledger.enter(known!, 'duplicate', true);
    ledger.enter(refused!, 'rejected', false);
    ledger.enter(other!, 'conflict', false);
    ledger.enterError(lost!, true);
    ledger.enterError(never!, false);
    file.close();
    const files = (event: FleetEvent | undefined): number => event?.wire.total_files_synced ?? -1;
    assert.deepEqual(await lines(), [
      [files(stored), true],
      [files(known), true],
      [files(lost), false],
    ]);
  });

  it('goes on behind the last whole line, however long', async () => {
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"result":"sto`);
    const file = new LedgerFile(path);
    for (const event of events) file.add(event, 'stored');
    file.close();
    assert.equal((await lines()).length, 2003);
    for (const broken of ['{"resu', 'x'.repeat(3_000)]) {
      writeFileSync(path, broken);
      new LedgerFile(path).close();
      assert.equal(readFileSync(path, 'utf8'), '');
    }
  });

  it('is read for some devices alone, however they are written', async () => {
    const item = { epoch: 'e', seq: 1, total_files_synced: 1, total_errors: 0 };
    const plain = { device_id: 'a', ...item };
    const others = [
      { ...item, deviceId: 'a' },
      { ...plain, metadata: { '"device_id":"b': 1, device_id: 'b' } },
    ];
    const hidden = [
      { metadata: { device_id: 'b' }, ...plain },
      { ...plain, device_id: 'b' },
    ];
    const written = [plain, ...others, ...hidden].map((one) =>
      JSON.stringify({ result: 'stored', item: one }),
    );
    const escaped = written[0]?.replace('"a"', '"\\u0061"');
    writeFileSync(path, `${[...written, escaped].join('\n')}\n`);
    const read = async (wanted: string): Promise<number> => {
      let found = 0;
      for await (const { event } of readLedger(path, (deviceId) => deviceId === wanted)) {
        assert.equal(event.deviceId, wanted);
        found += 1;
      }
      return found;
    };
    assert.deepEqual([await read('a'), await read('b'), await read('c')], [5, 1, 0]);
  });

  it('says why it cannot be written', () => {
    assert.throws(() => new LedgerFile(join(folder, 'none', 'x')), /The ledger cannot be written: ENOENT/);
  });
});
