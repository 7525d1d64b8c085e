import { PisyncError } from '@pisync/protocol';
import type { Config } from './schema.ts';

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  return bare === 'localhost' || bare === '::1' || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(bare);
}

/**
 * Refuses to open the port to other machines by accident. Call before anything listens.
 *
 * @returns warnings that belong on the screen and in the log at every start
 * @throws {PisyncError} `unsafe_config` with the fix in its message
 */
export function checkExposure(config: Config): readonly string[] {
  if (isLoopback(config.host)) return [];
  if (!config.allow_unauthenticated) {
    const detail =
      `Listening on ${config.host} would let every machine that reaches the port read and write without a token. ` +
      'Keep host at 127.0.0.1 behind a proxy that authenticates, or accept the risk with --allow-unauthenticated.';
    throw new PisyncError('unsafe_config', { detail, field: 'host' });
  }
  return [
    `Listening on ${config.host} WITHOUT AUTHENTICATION: every machine that reaches the port can read and write.`,
  ];
}
