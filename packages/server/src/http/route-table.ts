import type { Route } from './route.ts';
import { device } from './routes/devices/device.ts';
import { devices } from './routes/devices/devices.ts';
import { fleetSummary } from './routes/devices/fleet-summary.ts';
import { repeatedFailures } from './routes/devices/repeated-failures.ts';
import { syncHistory, syncHistorySingular } from './routes/devices/sync-history.ts';
import { batches } from './routes/ingest/batches.ts';
import { syncEvent } from './routes/ingest/sync-event.ts';
import { syncEvents } from './routes/ingest/sync-events.ts';
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
import { getRange } from './routes/telemetry/get-range.ts';
import { listSeries } from './routes/telemetry/list-series.ts';
import { postTelemetry } from './routes/telemetry/post-telemetry.ts';
import { writeLines, writeLinesV2 } from './routes/telemetry/write-lines.ts';

/** Every route of the server, in the order of the document. A route that is not here does not exist. */
export const routeTable: readonly Route[] = [
  syncEvent,
  syncEvents,
  batches,
  postTelemetry,
  writeLines,
  writeLinesV2,
  listSeries,
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
  metrics,
  openapi,
];
