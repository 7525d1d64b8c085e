import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ObservedDetection } from '@pisync/protocol';
import { Engine } from '../../../../src/adapters/store/sqlite/state/engine.ts';
import { verifyStore } from '../../../../src/adapters/store/sqlite/state/verify.ts';
import { counted, now } from '../../../../src/conformance/make-events.ts';
import { type PlainPoint, pointBatch } from '../../../../src/conformance/telemetry/make-points.ts';
import type { Finding } from '../../../../src/ports/store.ts';
import { wander } from '../sealed-detections/sealed-rows.ts';
import { detectionSealSteps } from '../state/detection-steps.ts';
import { commitTo } from '../state/engine-answers.ts';
import { sealSteps } from '../state/housekeeping-steps.ts';
import { pointSealSteps } from '../state/point-steps.ts';

const folder = mkdtempSync(join(tmpdir(), 'pisync-verify-'));
const original = join(folder, 'sound.db');
let copies = 0;

/** A store with one run of detections that nothing is recognised by. */
export function storeWithoutIdentities(): string {
  copies += 1;
  const path = join(folder, `plain-${copies}.db`);
  const engine = new Engine(path, 'failure');
  const detections = heard(1, 20).map((one) => ({
    ...one,
    ...{ epoch: null, seq: null, eventId: null, deviceTime: null },
  }));
  commitTo(engine, { observations: [], rejected: [], detections });
  sealAll(engine);
  engine.close();
  return path;
}

/** A copy of a store that holds all kinds of observations: two runs of points and of detections, and more in the logs. */
export function soundStore(): string {
  if (!existsSync(original)) fill(original);
  copies += 1;
  const path = join(folder, `copy-${copies}.db`);
  copyFileSync(original, path);
  return path;
}

/** To be called when all tests of a file are over. */
export function removeStores(): void {
  rmSync(folder, { recursive: true });
}

/** So many more than one block holds. */
const POINTS = 9000;
const DETECTIONS = 4400;

function fill(path: string): void {
  const engine = new Engine(path, 'failure');
  commitTo(engine, {
    observations: Array.from({ length: 50 }, (_, seq) => counted(seq)),
    rejected: [],
    points: pointBatch([...walk(0, POINTS), { deviceId: 'old', key: 'once', time: now * 1000, value: 1 }]),
    detections: heard(1, DETECTIONS),
  });
  sealAll(engine);
  for (const first of [POINTS - 10, POINTS + 100, POINTS + 200]) {
    commitTo(engine, {
      observations: [counted(first)],
      rejected: [],
      points: pointBatch(walk(first, 100)),
      detections: heard(first, 100),
    });
    if (first === POINTS - 10) sealAll(engine);
  }
  while (engine.detections.unfolded > 0) engine.transaction(() => engine.detections.fold());
  engine.checkpoint();
  engine.close();
}

function sealAll(engine: Engine): void {
  const all = Number.MAX_SAFE_INTEGER;
  for (const _step of sealSteps(engine, all));
  for (const _step of pointSealSteps(engine, all));
  for (const _step of detectionSealSteps(engine, all));
}

/** Points of three series, of all kinds; those that overlap with others before say something else. */
function walk(first: number, count: number): PlainPoint[] {
  return Array.from({ length: count }, (_, index): PlainPoint => {
    const step = first + index;
    const time = now * 1000 + Math.floor(step / 3) * 1_000_000;
    if (step % 3 === 0) return { deviceId: 'pi-1', key: 'load', time, value: (step % 100) / 4 + count };
    if (step % 3 === 1) return { deviceId: 'pi-1', key: 'on', time, value: step < 100 ? 7 : step % 2 === 0 };
    return { deviceId: 'pi-2', key: 'mode', time, value: `mode ${step % 5}` };
  });
}

/** Detections of all kinds of identity; some networks change their name. */
function heard(first: number, count: number): ObservedDetection[] {
  return wander(count, first, first).map(({ ordinal, name, ...detection }) => {
    return { ...detection, name: name !== null && ordinal % 9 === 0 ? 'another' : name };
  });
}

/** Opens a store as a file, gives it to `change` and closes it. */
export function changed(path: string, change: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(path);
  try {
    change(db);
  } finally {
    db.close();
  }
}

/** What the full check finds wrong. */
export async function faultsOf(path: string): Promise<readonly Finding[]> {
  return (await verifyStore(path)).filter(({ severity }) => severity !== 'ok');
}
