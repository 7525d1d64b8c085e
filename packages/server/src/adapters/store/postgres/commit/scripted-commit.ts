import type { CommitOutcome } from '@pisync/protocol';
import type { PartialRule } from '../../../../core/fold.ts';
import { Script } from '../wire/script.ts';
import type { DeviceRows } from './device-rows.ts';
import { EVENT_TABLE, eventRows } from './event-rows.ts';
import { GroupCommit, type PreparedGroup, type StoreCounters } from './group-commit.ts';
import { hourStatement } from './hour-rows.ts';
import { claimRows, IDENTITY_TABLE } from './identities.ts';
import { deviceStatements } from './write-devices.ts';

/** Who commits, and what the store is before. */
export interface CommitFrame {
  /** Statements that begin a transaction which writes. */
  readonly begin: string;
  /** The process, as 32 hexadecimal digits, and the number that its row of `writer` gets. */
  readonly writer: string;
  readonly number: number;
  readonly partial: PartialRule;
  /** As this process left the store, or will have left it when what it has sent before is done. */
  readonly before: StoreCounters;
}

/** A commit worked out before the store is locked. */
export interface ScriptedCommit {
  readonly script: Script;
  /** For each group, as `Store.commit` returns them. */
  readonly outcomes: readonly (readonly CommitOutcome[])[];
  readonly addedDevices: number;
  /** Of the store after it. */
  readonly after: StoreCounters;
}

/** True where a group holds only what {@link scriptCommit} can write. */
export function isScriptable({ group }: PreparedGroup): boolean {
  const { rejected, points, detections = [], counted = [] } = group;
  return rejected.length === 0 && points === undefined && detections.length === 0 && counted.length === 0;
}

/**
 * Works a commit out from what this process knows of the store, as statements that the server runs in one go. The first of
 * them is a guard: they change nothing where the store is not as `frame.before` says, because another process has committed
 * since or because what was sent before was not kept. It holds also when the script is run late, by a server whose client has
 * long given it up: each script moves the position that its guard asks for.
 *
 * @param devices - all that the groups name, as far as they exist; changed, and kept or forgotten by the caller
 * @param known - what was stored before under what the groups claim; what they claim is added
 * @returns undefined where the server has to be asked something on the way, or nothing would move the position
 */
export function scriptCommit(
  groups: readonly PreparedGroup[],
  frame: CommitFrame,
  devices: DeviceRows,
  known: Map<string, string | null>,
): ScriptedCommit | undefined {
  const after = { ...frame.before };
  const commit = new GroupCommit(frame.partial, after, devices, known);
  const decided = commit.decide(groups).next();
  if (decided.done !== true || commit.events.length === 0) return undefined;
  const addedDevices = devices.added;
  const script = new Script();
  script.add({ text: frame.begin, values: [] });
  const { before, writer, number, partial } = frame;
  script.add({ text: GUARD, values: [before.position, after.position, writer, number, partial] });
  if (commit.claims.length > 0) script.copy(IDENTITY_TABLE, claimRows(commit.claims));
  for (const statement of deviceStatements(devices.changed)) script.bind(statement);
  const counted = devices.countFailures(before.position, after.position);
  if (counted !== null) script.add({ text: counted, values: [] });
  script.copy(EVENT_TABLE, eventRows(commit.events));
  script.add(hourStatement(commit.events));
  script.add({ text: 'COMMIT', values: [] });
  return { script, outcomes: decided.value, addedDevices, after };
}

/**
 * Locks the store and moves its position, or divides by zero where it is not as it should be: the condition is looked at again
 * in the row as the lock finds it. Whatever the server or the role is set to, an acknowledged commit is on disk; a stricter
 * setting stays.
 */
const GUARD = `
  WITH moved AS (
    UPDATE store SET position = $2 WHERE id = 1 AND position = $1 AND last_writer = $3::uuid AND partial = $5 RETURNING id
  ), noted AS (UPDATE writer SET commit = $4, at = now() WHERE id = $3::uuid RETURNING id)
  SELECT 1 / ((SELECT count(*) FROM moved) * (SELECT count(*) FROM noted)),
    CASE WHEN current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
      THEN set_config('synchronous_commit', 'on', true) END`;
