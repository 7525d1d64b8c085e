import { spawnSync } from 'node:child_process';
import { JsonClient } from '../harness/json-client.ts';
import { pisyncProgram } from '../harness/pisync-command.ts';
import type { ParcelSource } from './crash-client.ts';
import { DetectionParcels, EnvelopeParcels } from './detection-parcels.ts';
import { EventParcels } from './event-parcels.ts';
import { countingName, listenerName } from './fleet/fleet-detections.ts';
import { telemetryDevice } from './fleet/fleet-telemetry.ts';
import { Ledger } from './ledger.ts';
import { compareCounted, compareDetections, compareNetworks, compareTelemetry } from './observations-back.ts';
import { compareWithLedger } from './read-back.ts';
import { type ReportLine, stateLines, tallyLines } from './report.ts';
import { TelemetryParcels } from './telemetry-parcels.ts';

/** A ledger for each kind of observation. */
export interface Ledgers {
  readonly events: Ledger;
  readonly points: Ledger;
  readonly detections: Ledger;
  /** Telemetry and detections in envelopes. */
  readonly counted: Ledger;
}

export function newLedgers(devices: number): Ledgers {
  return {
    events: new Ledger(devices),
    points: new Ledger(devices, 'point'),
    detections: new Ledger(devices, 'detection'),
    counted: new Ledger(Math.ceil(devices / 10), 'counted observation'),
  };
}

/** @param most - no more of each kind are made than that */
export function parcelSources(
  ledgers: Ledgers,
  most: { readonly events: number; readonly points: number; readonly detections: number },
): readonly ParcelSource[] {
  return [
    new EventParcels(ledgers.events, most.events),
    new TelemetryParcels(ledgers.points, most.points),
    new DetectionParcels(ledgers.detections, most.detections),
    new EnvelopeParcels(ledgers.counted, most.detections),
  ];
}

/** Reads everything back, and compares it with the ledgers. */
export async function compareAll(
  url: string,
  ledgers: Ledgers,
): Promise<{ lines: ReportLine[]; examples: string[] }> {
  const { events, points, detections, counted } = ledgers;
  const names = (ledger: Ledger, nameOf: (device: number) => string): string[] =>
    Array.from({ length: ledger.devices }, (_, device) => nameOf(device));
  const others = new Set([
    ...names(points, telemetryDevice),
    ...names(detections, listenerName),
    ...names(counted, countingName),
  ]);
  const found = await compareWithLedger(url, events, others);
  const client = new JsonClient(url, 4);
  const ofPoints = await compareTelemetry(client, points);
  const ofDetections = await compareDetections(client, detections);
  const ofCounted = await compareCounted(client, counted);
  const inNetworks = await compareNetworks(client);
  client.close();
  const expected =
    detections.made +
    Array.from({ length: counted.devices }, (_, device) => Math.ceil(counted.count(device) / 2)).reduce(
      (sum, count) => sum + count,
      0,
    );
  const lines: ReportLine[] = [
    ...tallyLines(events, found),
    ...stateLines(found),
    ...tallyLines(points, ofPoints),
    ...tallyLines(detections, ofDetections),
    ...tallyLines(counted, ofCounted),
    ['detections of all networks together', inNetworks, inNetworks === expected],
  ];
  const examples = [found, ofPoints, ofDetections, ofCounted].flatMap((tally) => tally.examples);
  return { lines, examples: [...Object.values(ledgers).flatMap((ledger) => ledger.violations), ...examples] };
}

/** The full check of a store, as an operator runs it. */
export function doctor(store: string): { readonly right: boolean; readonly told: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [pisyncProgram, 'doctor', '--store', store],
    {
      encoding: 'utf8',
    },
  );
  return { right: status === 0, told: stdout + stderr };
}
