import type { PisyncError } from '@pisync/protocol';
import type { Client, PoolClient } from 'pg';
import type { Session } from '../../connection/session.ts';
import { ASK_EXTENSION, type ExtensionFacts, requireExtension } from './choose-layout.ts';
import type { Layout } from './layout.ts';

const FIND = `
  SELECT c.relkind = 'p' AS partitioned, (SELECT quote_ident(n.nspname) FROM pg_extension e
      JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb') AS functions
  FROM pg_class c WHERE c.oid = 'point'::regclass`;

/**
 * The layout of the store of a session, which there must be.
 *
 * @throws {PisyncError} `invalid_config` for hypertables whose extension is gone
 */
export async function findLayout(session: Session): Promise<Layout> {
  const [row] = await session.query<{ partitioned: boolean; functions: string | null }>(FIND);
  if (row === undefined) throw new TypeError('there is no table of points');
  const { partitioned, functions } = row;
  if (partitioned) return { kind: 'partitions' };
  if (functions === null) throw requireExtension(undefined) as PisyncError;
  return { kind: 'hypertables', functions };
}

/** A connection stays with its store. */
const known = new WeakMap<Client | PoolClient, Layout>();

/** As {@link findLayout}, and asked once for each connection: for what is needed with every commit and every question. */
export async function layoutOf(session: Session): Promise<Layout> {
  let layout = known.get(session.client);
  if (layout === undefined) {
    layout = await findLayout(session);
    known.set(session.client, layout);
  }
  return layout;
}

/** @throws {PisyncError} `invalid_config` that names the fix where a store has hypertables, and the extension cannot serve them */
export async function checkLayout(session: Session): Promise<void> {
  if ((await findLayout(session)).kind === 'partitions') return;
  const [extension] = await session.query<ExtensionFacts>(ASK_EXTENSION);
  const refusal = requireExtension(extension);
  if (refusal !== null) throw refusal;
}
