import { defaults } from '/work/main/packages/server/src/config/schema.ts';
import { startAll } from '/work/main/packages/server/src/roles/all.ts';

const r = await startAll({
  ...defaults,
  port: Number(process.argv[2] ?? 0),
  store: process.argv[3] ?? 'memory:',
  log_level: 'info',
  device_items_per_second: 1000000,
  device_burst_items: 100000000,
});
console.log(r.url);
process.on('SIGTERM', () => r.close().then(() => process.exit(0)));
