import type { KnownSeries } from '@pisync/protocol';
import type { Logger } from 'pino';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import type { Admission } from '../services/admission.ts';
import type { Health } from '../services/health.ts';
import type { Ingest } from '../services/ingest.ts';
import type { Quarantine } from '../services/quarantine.ts';
import type { Queries } from '../services/query.ts';
import type { Telemetry } from '../services/telemetry.ts';
import type { TelemetryQueries } from '../services/telemetry-queries.ts';
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
  /** Points of one request. */
  readonly maxPoints: number;
  /** The OpenAPI document as JSON text. */
  readonly document: string;
}
