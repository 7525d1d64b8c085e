import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerCommand, ServerProcess } from '../harness/server-process.ts';
import { measurement } from '../load/telemetry/line-source.ts';

/** A time-series database that takes the same line protocol at the same path. */
export interface TimeSeriesRival {
  readonly name: string;
  readonly version: string;
  /** With its data in `folder`, everything that calls home off, and its defaults for what decides about speed. */
  command(folder: string): ServerCommand;
  /** What has to be done once before it takes points. */
  prepare(server: ServerProcess): Promise<void>;
  /** Points that it says it has, of {@link measurement}: a field of a line is a point, here as everywhere. */
  taken(server: ServerProcess): Promise<number>;
}

/** A rival that cannot take part, and why. */
export interface AbsentRival {
  readonly name: string;
  readonly missing: string;
}

/** InfluxDB 1.6: flushes its write-ahead log before it answers. */
export function influxDb(): TimeSeriesRival | AbsentRival {
  const name = 'InfluxDB';
  const program = '/usr/bin/influxd';
  if (!existsSync(program)) return { name, missing: 'influxd is not installed' };
  return {
    name,
    version: /v\d\S*/.exec(printed(program, ['version']))?.[0] ?? 'unknown',
    command: (folder) => ({
      name,
      program,
      // Only the environment counts, whatever the package has configured.
      args: () => ['run', '-config', '/dev/null'],
      env: (port) => ({
        INFLUXDB_REPORTING_DISABLED: 'true',
        INFLUXDB_BIND_ADDRESS: '127.0.0.1:0',
        INFLUXDB_HTTP_BIND_ADDRESS: `127.0.0.1:${port}`,
        INFLUXDB_HTTP_LOG_ENABLED: 'false',
        INFLUXDB_META_DIR: join(folder, 'meta'),
        INFLUXDB_DATA_DIR: join(folder, 'data'),
        INFLUXDB_DATA_WAL_DIR: join(folder, 'wal'),
      }),
      readyPath: '/query?q=SHOW+DATABASES',
    }),
    async prepare(server) {
      const reply = await fetch(`${server.url}/query?q=CREATE+DATABASE+bench`, { method: 'POST' });
      if (!reply.ok) throw new Error(`${name} made no database: ${reply.status}`);
    },
    async taken(server) {
      const reply = await fetch(`${server.url}/query?db=bench&q=SELECT+count(*)+FROM+${measurement}`);
      const answer = (await reply.json()) as {
        results: { series?: { values: [string, ...number[]][] }[] }[];
      };
      const [, ...counts] = answer.results[0]?.series?.[0]?.values[0] ?? [''];
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}

/** VictoriaMetrics: answers first and flushes within a second or so. */
export function victoriaMetrics(): TimeSeriesRival | AbsentRival {
  const name = 'VictoriaMetrics';
  const program = '/usr/bin/victoria-metrics';
  if (!existsSync(program)) return { name, missing: 'victoria-metrics is not installed' };
  return {
    name,
    // Debian builds it without a version to print.
    version: printed('dpkg-query', ['-W', 'victoria-metrics']).split(/\s/)[1] ?? 'unknown',
    command: (folder) => ({
      name,
      program,
      args: (port) => [
        `-storageDataPath=${folder}`,
        `-httpListenAddr=127.0.0.1:${port}`,
        '-retentionPeriod=2y',
        '-loggerLevel=WARN',
      ],
      readyPath: '/health',
    }),
    prepare: () => Promise.resolve(),
    async taken(server) {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      const value = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
      const ignored = [...text.matchAll(/^vm_rows_ignored_total\{.*\} (\d+)/gm)];
      return ignored.reduce(
        (sum, [, count]) => sum - Number(count),
        value(/^vm_rows_inserted_total\{type="influx"\} (\d+)/m),
      );
    },
  };
}

function printed(program: string, args: readonly string[]): string {
  return spawnSync(program, args, { encoding: 'utf8' }).stdout ?? '';
}
