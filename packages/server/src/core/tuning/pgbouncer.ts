import type { Plan } from './plan.ts';
import { type SettingGroup, setting } from './setting.ts';

/**
 * The groups of `pgbouncer.ini`, valid for PgBouncer 1.18 and later. Sources: PgBouncer manual, "pgbouncer.ini" and
 * "Features" (what transaction pooling forbids); pool sizes see {@link planMachine}.
 */
export function pgbouncerGroups(plan: Plan): readonly SettingGroup[] {
  const [pools, ...others] = [poolSettings(plan), timeoutSettings(), placeSettings()];
  return [
    {
      title: '[databases]',
      settings: [
        setting(
          'pisync',
          'host=127.0.0.1 port=5432 dbname=pisync',
          'Where PostgreSQL is. PiSync connects with postgres://USER@127.0.0.1:6432/pisync.',
        ),
      ],
    },
    { title: '[pgbouncer]', settings: pools ?? [] },
    ...others.map((settings, index) => ({ title: index === 0 ? 'Timeouts, seconds' : 'Places', settings })),
  ];
}

function poolSettings({ connections, machine }: Plan): SettingGroup['settings'] {
  const { pool, reserve, clients, all } = connections;
  return [
    setting(
      'pool_mode',
      'transaction',
      'A connection to PostgreSQL is lent for one transaction, so few serve many clients. Named statements, SET, LISTEN and ' +
        'session locks do not work this way; PiSync needs none of them here. PgBouncer 1.21 and later can carry named statements ' +
        '(max_prepared_statements); older versions refuse to start with that line, so it is not here.',
    ),
    setting(
      'max_client_conn',
      clients,
      `50 for each of ${machine.cores} cores, at least 200. A waiting client costs some kilobytes and one open file: allow ` +
        `the service ${clients + all + 100} files (LimitNOFILE).`,
    ),
    setting(
      'default_pool_size',
      pool,
      `Connections for one user and database: 2.5 for a core and at least 10, as far as max_connections (${all}) goes. That many commits and ` +
        'queries run at once; the others wait here without cost to PostgreSQL.',
    ),
    setting(
      'reserve_pool_size',
      reserve,
      'Added when a client waited for the time below: half a connection for a core.',
    ),
    setting('reserve_pool_timeout', 3, 'Seconds a client waits before the reserve is used.'),
    setting(
      'max_db_connections',
      pool + reserve,
      'For all users together, so that PgBouncer never takes the connections that max_connections keeps for others.',
    ),
    setting(
      'server_reset_query',
      'DISCARD ALL',
      'Cleans a connection between clients in session mode. Transaction mode never runs it, and needs nothing cleaned ' +
        'because PiSync leaves nothing behind. It is here for whoever changes pool_mode.',
    ),
    setting(
      'ignore_startup_parameters',
      'extra_float_digits,options,statement_timeout,lock_timeout,idle_in_transaction_session_timeout',
      'Clients that ask for one of these would be turned away. Ignored means not applied: to have a timeout for ' +
        'everything of one user, ALTER ROLE name SET statement_timeout.',
    ),
  ];
}

function timeoutSettings(): SettingGroup['settings'] {
  return [
    setting('server_connect_timeout', 5, 'A server that does not answer by then is down.'),
    setting(
      'server_login_retry',
      2,
      'After a restart or failover of PostgreSQL, try again this soon; the default is 15.',
    ),
    setting(
      'query_wait_timeout',
      15,
      'A client that got no connection by then is told so, and PiSync answers 503 with Retry-After. The default of two ' +
        'minutes only makes a queue of requests whose senders have gone.',
    ),
    setting(
      'idle_transaction_timeout',
      300,
      'As idle_in_transaction_session_timeout in postgresql.conf: an idle transaction holds a connection of the pool.',
    ),
    setting(
      'query_timeout',
      0,
      'None here: a migration or a report may take long. PiSync bounds its own statements.',
    ),
    setting(
      'server_idle_timeout',
      600,
      'Connections that were needed for a peak are closed after ten minutes.',
    ),
    setting(
      'server_lifetime',
      3600,
      'Renews connections, whose catalog caches grow with the number of partitions.',
    ),
    setting('tcp_keepidle', 60, 'Finds vanished clients and servers, as in postgresql.conf.'),
    setting('tcp_keepintvl', 10, 'Between the probes.'),
    setting('tcp_keepcnt', 3, 'Probes without an answer. A number, not seconds.'),
  ];
}

function placeSettings(): SettingGroup['settings'] {
  return [
    setting(
      'listen_addr',
      '127.0.0.1',
      'On the machine of PiSync or of PostgreSQL; on any other add client_tls_sslmode.',
    ),
    setting('listen_port', 6432, 'The usual port.'),
    setting('unix_socket_dir', '/var/run/postgresql', 'As Debian has it.'),
    setting(
      'auth_type',
      'scram-sha-256',
      'Passwords never cross the wire. PostgreSQL must store them as SCRAM, its default.',
    ),
    setting(
      'auth_file',
      '/etc/pgbouncer/userlist.txt',
      'One line for each user: "name" "SCRAM-SHA-256$...", as in pg_authid.',
    ),
    setting('logfile', '/var/log/postgresql/pgbouncer.log', 'As Debian has it.'),
    setting('pidfile', '/var/run/postgresql/pgbouncer.pid', 'As Debian has it.'),
    setting('log_connections', 0, 'A thousand clients that come and go would fill the log.'),
    setting('log_disconnections', 0, 'The same.'),
  ];
}
