import type { KnownSeries } from '@pisync/protocol';
import type { Logger } from 'pino';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import type { Admission } from '../services/admission/admission.ts';
import type { DetectionQueries } from '../services/detections/detection-queries.ts';
import type { Health } from '../services/health.ts';
import type { Imports } from '../services/ingest/imports.ts';
import type { Ingest } from '../services/ingest/ingest.ts';
import type { Quarantine } from '../services/quarantine.ts';
import type { Queries } from '../services/query.ts';
import type { Telemetry } from '../services/telemetry/telemetry.ts';
import type { TelemetryQueries } from '../services/telemetry/telemetry-queries.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Watchdog } from './observe/watchdog.ts';

/** What route handlers work with. */
export interface Services {
  readonly store: Store;
  readonly clock: Clock;
  readonly admission: Admission;
  readonly ingest: Ingest;
  readonly queries: Queries;
  readonly telemetry: Telemetry;
  readonly telemetryQueries: TelemetryQueries;
  readonly detectionQueries: DetectionQueries;
  readonly imports: Imports;
  /** What line protocol decoders remember from request to request. */
  readonly knownSeries: KnownSeries;
  readonly quarantine: Quarantine;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly watchdog: Watchdog;
  readonly log: Logger;
  /** A name for a request, unique over restarts. */
  nextRequestId(): string;
  /** Decoded bytes of one request body. */
  readonly maxBodyBytes: number;
  /** Largest file that is imported, and largest content of a packed one. */
  readonly maxImportBytes: number;
  /** Longest silence of a client that sends a file, milliseconds. */
  readonly requestTimeoutMs: number;
  /** Points of one request. */
  readonly maxPoints: number;
  /** The OpenAPI document as JSON text. */
  readonly document: string;
}
