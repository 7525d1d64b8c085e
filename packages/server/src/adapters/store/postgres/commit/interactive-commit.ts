import type { CommitOutcome } from '@pisync/protocol';
import type { PartialRule } from '../../../../core/fold.ts';
import type { Session } from '../connection/session.ts';
import { writeDetections } from '../detections/write-detections.ts';
import { writePoints } from '../telemetry/write-points.ts';
import { copyIn } from '../wire/copy-in.ts';
import { DeviceRows, type KeptDevices } from './device-rows.ts';
import { EVENT_TABLE, eventRows } from './event-rows.ts';
import { devicesOf, GroupCommit, keysOf, type PreparedGroup, type StoreCounters } from './group-commit.ts';
import { hourStatement } from './hour-rows.ts';
import { claimRows, findClaims, IDENTITY_TABLE } from './identities.ts';
import { writeRejected } from './quarantine-rows.ts';
import { recountStreak } from './recount-streak.ts';
import { writeDeviceRows } from './write-devices.ts';

/** What a transaction did that only has to end. */
export interface WrittenCommit {
  /** For each group, as `Store.commit` returns them. */
  readonly outcomes: readonly (readonly CommitOutcome[])[];
  readonly addedDevices: number;
  /** To be kept when it has ended well, and forgotten when not. */
  readonly devices: DeviceRows;
}

/** Under which rules groups are committed. */
export interface CommitRules {
  readonly partial: PartialRule;
  /** Takes it that no claim is known: none is looked up, and the server refuses what was. */
  readonly allNew: boolean;
}

/**
 * Writes groups in a transaction that holds the lock on the store, asking the server for all that it takes on the way.
 *
 * @param counters - of the store; changed
 */
export async function writeGroups(
  session: Session,
  groups: readonly PreparedGroup[],
  { partial, allNew }: CommitRules,
  counters: StoreCounters,
  kept: KeptDevices,
): Promise<WrittenCommit> {
  const devices = new DeviceRows(kept, partial);
  const before = counters.position;
  try {
    await devices.read(session, devices.take(devicesOf(groups)));
    const keys = allNew ? new Set<string>() : keysOf(groups);
    const known = keys.size === 0 ? new Map() : await findClaims(session, keys);
    const commit = new GroupCommit(partial, counters, devices, known);
    const outcomes = await decide(session, commit, groups, partial);
    if (commit.claims.length > 0) await copyIn(session, IDENTITY_TABLE, claimRows(commit.claims).end());
    const addedDevices = devices.added;
    await writeDeviceRows(session, devices.changed);
    const counted = devices.countFailures(before, counters.position);
    if (counted !== null) await session.query(counted);
    if (commit.events.length > 0) {
      await copyIn(session, EVENT_TABLE, eventRows(commit.events).end());
      const { text, values } = hourStatement(commit.events);
      await session.query(text, values);
    }
    await writeDetections(session, commit.detections);
    counters.series = await writePoints(session, commit.points, counters.series);
    await writeRejected(
      session,
      groups.flatMap(({ group }) => group.rejected),
    );
    return { outcomes, addedDevices, devices };
  } catch (error) {
    devices.forget();
    throw error;
  }
}

async function decide(
  session: Session,
  commit: GroupCommit,
  groups: readonly PreparedGroup[],
  partial: PartialRule,
): Promise<CommitOutcome[][]> {
  const decision = commit.decide(groups);
  for (;;) {
    const step = decision.next();
    if (step.done === true) return step.value;
    const { device, success } = step.value;
    await recountStreak(session, device, success, commit.events, partial);
  }
}
