import type { Plan } from './plan.ts';
import { type SettingGroup, setting } from './setting.ts';

/**
 * The groups of `timescaledb.conf`, read after `postgresql.conf`. Sources: TimescaleDB documentation, "Configuration
 * parameters" and "Troubleshoot jobs" (`timescaledb.max_background_workers`, `max_worker_processes`); timescaledb-tune.
 */
export function timescaledbGroups({ workers }: Plan): readonly SettingGroup[] {
  return [
    {
      title: 'TimescaleDB',
      settings: [
        setting(
          'shared_preload_libraries',
          `'timescaledb,pg_stat_statements'`,
          'TimescaleDB works only when it is loaded at the start. Replaces the line in postgresql.conf, so it names both.',
        ),
        setting(
          'timescaledb.max_background_workers',
          workers.timescale,
          'One for the scheduler of each database, the others for policies that run at once. PiSync has up to eight: one ' +
            'packs, two sum up, five drop what is old. With too few, policies are late; pisync doctor tells.',
        ),
        setting(
          'max_worker_processes',
          workers.parallel + workers.timescale + 3,
          `${workers.parallel} parallel workers, ${workers.timescale} of TimescaleDB and three others. Replaces the value in ` +
            'postgresql.conf: with less, parallel queries and policies take workers from each other.',
        ),
        setting(
          'timescaledb.telemetry_level',
          'off',
          'Otherwise the server reports its version and table counts to the vendor once a day.',
        ),
      ],
    },
  ];
}
