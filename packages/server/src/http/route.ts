import type { Exchange } from './exchange.ts';
import type { QueryRules } from './parameters.ts';

/** A JSON schema as the document shows it. */
export type Schema = object;

/** One media type of a body. */
export interface MediaBody {
  readonly schema: Schema;
  /** Named examples, each of which the server accepts when it is posted. */
  readonly examples?: Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>;
}

export interface ReplyBody {
  readonly description: string;
  /** By media type; absent for a reply without a body. */
  readonly content?: Readonly<Record<string, MediaBody>>;
}

/** One segment of a path such as `:id`. */
export interface PathParameter {
  readonly description: string;
  readonly schema: Schema;
  readonly example: string | number;
}

/** Headings of the document, in their order. */
export const tags = {
  ingest: 'Sending sync events',
  telemetry: 'Telemetry',
  detections: 'Detections, networks and the map',
  devices: 'Devices, their history and their failures',
  quarantine: 'Rejected items',
  operations: 'Health, metrics and this document',
} as const;

/** One route: what the server registers and what the document tells about it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path with `:name` for parameters. */
  readonly path: string;
  readonly tag: keyof typeof tags;
  /** Stable name for generated clients. */
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly pathParameters?: Readonly<Record<string, PathParameter>>;
  readonly query?: QueryRules;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>;
  readonly body?: { readonly required: boolean; readonly content: Readonly<Record<string, MediaBody>> };
  readonly replies: Readonly<Record<number, ReplyBody>>;
  /** Error statuses besides 400, 500 and, for ingest, those of every ingest route. */
  readonly problems?: readonly number[];
  /** True for the hot path: requests with exactly this method and URL skip the router. */
  readonly direct?: boolean;
  handle(exchange: Exchange): void | Promise<void>;
}
