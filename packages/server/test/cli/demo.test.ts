import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runCli, startCli } from './run-cli.ts';

describe('the demo', () => {
  it('shows a fleet with a past and a present, and stops as a whole', async () => {
    const cli = startCli(['demo', '--port', '0', '--store', 'memory:', '--devices', '30', '--rate', '100']);
    await cli.until('Ctrl-C stops both.');
    const url = /PiSync is ready at ([^,]+),/.exec(cli.stderr())?.[1] ?? '';
    const totals = async (): Promise<{ syncs: number }> => {
      const reply = await fetch(`${url}/api/fleet/summary?hours=72`);
      return ((await reply.json()) as { totals: { syncs: number } }).totals;
    };
    const past = 30 * 24;
    const deadline = Date.now() + 20_000;
    while ((await totals()).syncs <= past && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok((await totals()).syncs > past);
    const { stdout } = await runCli(['devices', '--url', url, '--json']);
    const { items, total } = JSON.parse(stdout);
    assert.equal(total, 30);
    assert.ok(items.some((device: { status: string }) => device.status === 'ok'));
    assert.ok(items.some((device: { total_failures: number }) => device.total_failures > 0));
    cli.child.kill('SIGINT');
    const { code, signal, stderr } = await cli.ended;
    assert.deepEqual([code, signal], [0, null], stderr);
  });
});
