import type { Route } from './route.ts';
import { exportDetections } from './routes/detections/export-detections.ts';
import { getClusters } from './routes/detections/get-clusters.ts';
import { getDetectionGrid } from './routes/detections/get-detection-grid.ts';
import { listCrossings } from './routes/detections/list-crossings.ts';
import { listDetections } from './routes/detections/list-detections.ts';
import { listScanSessions } from './routes/detections/list-scan-sessions.ts';
import { device } from './routes/devices/device.ts';
import { devices } from './routes/devices/devices.ts';
import { fleetSummary } from './routes/devices/fleet-summary.ts';
import { repeatedFailures } from './routes/devices/repeated-failures.ts';
import { syncHistory, syncHistorySingular } from './routes/devices/sync-history.ts';
import { postImport } from './routes/imports/post-import.ts';
import { getInfluxHealth } from './routes/influx/get-influx-health.ts';
import { getPing } from './routes/influx/get-ping.ts';
import { getInfluxQuery, postInfluxQuery } from './routes/influx/influx-query.ts';
import { batches } from './routes/ingest/batches.ts';
import { postDetections } from './routes/ingest/post-detections.ts';
import { syncEvent } from './routes/ingest/sync-event.ts';
import { syncEvents } from './routes/ingest/sync-events.ts';
import { exportNetworks } from './routes/networks/export-networks.ts';
import { getNetwork } from './routes/networks/get-network.ts';
import { getNetworkGrid } from './routes/networks/get-network-grid.ts';
import { listEvilTwins } from './routes/networks/list-evil-twins.ts';
import { listNetworkChanges } from './routes/networks/list-network-changes.ts';
import { listNetworks } from './routes/networks/list-networks.ts';
import { metrics } from './routes/operations/get-metrics.ts';
import { livez } from './routes/operations/livez.ts';
import { openapi } from './routes/operations/openapi.ts';
import { readyz } from './routes/operations/readyz.ts';
import { discardQuarantined } from './routes/quarantine/discard-quarantined.ts';
import { getQuarantined } from './routes/quarantine/get-quarantined.ts';
import { listQuarantine } from './routes/quarantine/list-quarantine.ts';
import { replayQuarantined } from './routes/quarantine/replay-quarantined.ts';
import { getAggregate } from './routes/telemetry/get-aggregate.ts';
import { getDownsample } from './routes/telemetry/get-downsample.ts';
import { getLatest } from './routes/telemetry/get-latest.ts';
import { getRange } from './routes/telemetry/get-range.ts';
import { listSeries } from './routes/telemetry/list-series.ts';
import { postLatest } from './routes/telemetry/post-latest.ts';
import { postTelemetry } from './routes/telemetry/post-telemetry.ts';
import { writeLines, writeLinesV2 } from './routes/telemetry/write-lines.ts';

/** Every route of the server, in the order of the document. A route that is not here does not exist. */
export const routeTable: readonly Route[] = [
  syncEvent,
  syncEvents,
  batches,
  postDetections,
  listDetections,
  getDetectionGrid,
  getClusters,
  exportDetections,
  listNetworks,
  getNetwork,
  getNetworkGrid,
  exportNetworks,
  listNetworkChanges,
  listEvilTwins,
  listScanSessions,
  listCrossings,
  postImport,
  postTelemetry,
  writeLines,
  writeLinesV2,
  getInfluxQuery,
  postInfluxQuery,
  listSeries,
  getLatest,
  postLatest,
  getRange,
  getAggregate,
  getDownsample,
  devices,
  device,
  syncHistory,
  syncHistorySingular,
  repeatedFailures,
  fleetSummary,
  listQuarantine,
  getQuarantined,
  replayQuarantined,
  discardQuarantined,
  livez,
  readyz,
  getPing,
  getInfluxHealth,
  metrics,
  openapi,
];
