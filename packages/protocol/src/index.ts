export * from './detection/cell-identity.ts';
export * from './detection/decode-detection.ts';
export * from './detection/detection.ts';
export { field as detectionField } from './detection/detection-fields.ts';
export { parseMacAddress } from './detection/mac-address.ts';
export { securityNames, securityOf } from './detection/security.ts';
export * from './errors.ts';
export * from './event/decode-envelope.ts';
export * from './event/decode-sync-event.ts';
export * from './event/device-id.ts';
export { readPlainSyncEvent } from './event/plain-sync-event.ts';
export { explainEpoch, explainEventId, maxEpochLength, maxEventIdLength } from './event/sender-identity.ts';
export * from './event/sync-event-body.ts';
export * from './event/timestamp.ts';
export * from './json/canonical-json.ts';
export type { Broken, RawItem, SplitLimits } from './json/item-reader.ts';
export * from './json/item-splitter.ts';
export * from './json/json-document.ts';
export { parseJson } from './json/parse-json.ts';
export * from './observation.ts';
export * from './telemetry/decode-counted-telemetry.ts';
export { decodeTelemetry, type TelemetryContext } from './telemetry/decode-telemetry.ts';
export { KnownSeries, type KnownSeriesOptions } from './telemetry/known-series.ts';
export { defaultDeviceTags, type LinePrecision, linePrecision } from './telemetry/line-mapping.ts';
export * from './telemetry/line-protocol-decoder.ts';
export { PlainTelemetry } from './telemetry/plain-telemetry.ts';
export * from './telemetry/point-batch.ts';
export { type BuilderMark, PointBatchBuilder } from './telemetry/point-batch-builder.ts';
export { parsePointTime } from './telemetry/point-time.ts';
export {
  type DecodedSeriesKey,
  decodeSeriesKey,
  encodeSeriesKey,
  explainSeries,
  explainSeriesText,
  maxSeriesKeyBytes,
  maxSeriesTags,
  maxSeriesTextLength,
  type SeriesFault,
  type SeriesTag,
} from './telemetry/series-key.ts';
